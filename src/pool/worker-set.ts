// One generation of worker threads. The only importer of piscina on the main thread.

import type { Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { RerankError } from '../errors.ts';
import type { WorkerFailed, WorkerOptions, WorkerReady, WorkerReply, WorkerTask } from '../protocol.ts';

export interface WorkerSetOptions {
  /** Compiled worker module; its default export resolves to the task handler once it is warm. */
  readonly workerUrl: URL;
  readonly size: number;
  readonly workerOptions: WorkerOptions;
  /** Called when a worker became ready, died, or could not be replaced. */
  readonly onChange: () => void;
}

/** Time in which Piscina has begun to replace a thread that ended. */
const SETTLE_MS = 10;

/**
 * Starts `size` workers all or nothing and replaces those that die. When a replacement cannot load, Piscina stops refilling
 * for good: {@link broken} is then true and the owner builds a new set.
 */
export class WorkerSet {
  readonly #piscina: Piscina<WorkerTask, WorkerReply>;
  readonly #options: WorkerSetOptions;
  readonly #ready = new Map<number, WorkerReady>();
  #failure: RerankError | null = null;
  #destroyed = false;
  #running = 0;
  readonly #waiters: (() => void)[] = [];

  private constructor(options: WorkerSetOptions) {
    this.#options = options;
    this.#piscina = new Piscina<WorkerTask, WorkerReply>({
      filename: options.workerUrl.href,
      minThreads: options.size,
      maxThreads: options.size,
      concurrentTasksPerWorker: 1,
      // With 'sync' a throw outside a task kills the process.
      atomics: 'disabled',
      recordTiming: false,
      workerData: options.workerOptions,
    });
    this.#piscina.on('message', (message: unknown) => this.#onMessage(message as WorkerReady | WorkerFailed));
    // Permanent: every failed worker emits its own error, and one without a listener would end the process.
    this.#piscina.on('error', (error: Error) => this.#onError(error));
    this.#piscina.on('workerDestroy', () => this.#changed());
  }

  /** @throws RerankError with the first worker's cause when any worker fails to load; no thread is left behind */
  static async start(options: WorkerSetOptions): Promise<WorkerSet> {
    const set = new WorkerSet(options);
    // Piscina unrefs its workers; without a live handle the process could end while they load.
    const alive = setInterval(() => {}, 1 << 30);
    await set.#untilAllReported();
    clearInterval(alive);
    if (set.#failure === null) return set;
    await set.destroy();
    throw set.#failure;
  }

  /** Workers that are warm and alive. */
  get readyCount(): number {
    return this.#piscina.threads.filter((thread) => this.#ready.has(thread.threadId)).length;
  }

  /** A worker is missing and Piscina will not replace it. */
  get broken(): boolean {
    return this.#piscina.threads.length < this.#options.size;
  }

  /** Why the last worker failed to load, or died without a task. */
  get failure(): RerankError | null {
    return this.#failure;
  }

  /** What the warm workers reported. */
  get reports(): readonly WorkerReady[] {
    return [...this.#ready.values()];
  }

  /**
   * Runs a task on an idle ready worker. Never called with more tasks than {@link readyCount}; rejects when the worker
   * dies.
   *
   * @param end aborted to end the thread and have another one in its place at once. Only for a worker that is condemned
   *   (see PHASE): ending a thread during a run aborts the process
   */
  async run(task: WorkerTask, end: AbortSignal): Promise<WorkerReply> {
    this.#running += 1;
    try {
      return await this.#piscina.run(task, { signal: end });
    } finally {
      this.#running -= 1;
    }
  }

  /** Tasks that are in workers. */
  get running(): number {
    return this.#running;
  }

  /** Workers that could take a task. */
  get idleCount(): number {
    return this.readyCount - this.#running;
  }

  /**
   * Ends the threads, after those that are loading have reported. The caller guarantees that no task is running:
   * ending a thread during a run, a warm-up run included, aborts the process.
   */
  async destroy(): Promise<void> {
    // Twice: Piscina may be about to start a replacement for a thread that has just gone, and that one would be ended while it loads.
    await this.#untilAllReported();
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    await this.#untilAllReported();
    this.#destroyed = true;
    await this.#piscina.destroy();
  }

  /** Every live thread is warm, and those that are missing will not come. */
  #allReported(): boolean {
    const { threads } = this.#piscina;
    const allReady = threads.every((thread: Worker) => this.#ready.has(thread.threadId));
    return allReady && (threads.length === this.#options.size || this.#failure !== null);
  }

  async #untilAllReported(): Promise<void> {
    while (!this.#allReported()) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  #onMessage(message: WorkerReady | WorkerFailed): void {
    if (message.kind === 'ready') this.#ready.set(message.threadId, message);
    else this.#failure = new RerankError(message.error.code, message.error.message);
    this.#changed();
  }

  #onError(error: Error): void {
    this.#failure ??= new RerankError('internal', `a worker failed: ${error.message}`, { cause: error });
    this.#changed();
  }

  /** Later, not now: Piscina updates its list of threads after it has emitted. */
  #changed(): void {
    setImmediate(() => {
      for (const wake of this.#waiters.splice(0)) wake();
      if (!this.#destroyed) this.#options.onChange();
    });
  }
}

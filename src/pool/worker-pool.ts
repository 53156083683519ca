// The pool: implements the Scorer port with worker threads. The fair queue stands before Piscina and feeds idle workers only.

import { setTimeout as sleep } from 'node:timers/promises';
import { RerankError } from '../errors.ts';
import type {
  BatchScores,
  ModelSpec,
  ModelWeights,
  PairBatch,
  ScoredBatch,
  Scorer,
  ScorerStatus,
  SessionFacts,
  TextBatch,
  Ticket,
  TokenizedBatch,
  WeightsSource,
  WorkerReady,
  WorkerReply,
} from '../protocol.ts';
import { FairQueue, type JobQueue } from './fair-queue.ts';
import { type DoneBatch, type JobEntry, ScoreJob } from './score-job.ts';
import { SpeedEstimate } from './speed-estimate.ts';
import { WorkerSet } from './worker-set.ts';

export interface WorkerPoolOptions {
  readonly spec: ModelSpec;
  readonly weights: WeightsSource;
  /** Worker threads; each holds one session of one intra-op thread. */
  readonly workers: number;
  readonly cpuMemArena: boolean;
  /** Nice value of the worker threads, 0 to 19 (see {@link WorkerOptions}); 0 by default. */
  readonly nice?: number;
  /** Another order of serving, for benches; fair by default. */
  readonly queue?: JobQueue<JobEntry>;
  /** Told of deaths and rebuilds; for the log. */
  readonly onEvent?: (event: PoolEvent) => void;
  /** Told of every batch that left a worker; for metrics. */
  readonly onBatch?: (batch: BatchReport) => void;
  /** Another worker module, for tests. */
  readonly workerUrl?: URL;
  /** Wait before the first rebuild, doubled each time up to 30 s. */
  readonly rebuildDelayMs?: number;
}

export interface BatchReport {
  /** From submit to the start in a worker. */
  readonly queueMs: number;
  /** Time the worker was taken. */
  readonly busyMs: number;
  /** Null when the batch gave none: cancelled, failed, or its worker died. */
  readonly scores: BatchScores | null;
}

export type PoolEvent =
  | { readonly kind: 'worker_died'; readonly message: string }
  | { readonly kind: 'rebuilding'; readonly attempt: number; readonly delayMs: number; readonly message: string }
  | { readonly kind: 'rebuilt'; readonly attempt: number };

/** Compiled: dist/src/pool/ -> dist/workers/. */
const WORKER_URL = new URL('../../workers/rerank-worker.js', import.meta.url);

/** Work that takes all workers together no longer than this, about four batches each, is done before larger calls go on. */
const QUICK_SECONDS = 0.2;

const REBUILD_DELAY_MS = 1_000;
const MAX_REBUILD_DELAY_MS = 30_000;

/** A batch whose worker died is tried once more; a second death is taken as the batch's own doing. */
const MAX_DEATHS = 2;

/** @see Scorer */
export class WorkerPool implements Scorer {
  readonly spec: ModelSpec;
  /** Resolves when every worker is warm; rejects with the cause when one cannot load. */
  readonly started: Promise<void>;
  readonly #options: WorkerPoolOptions;
  readonly #queue: JobQueue<JobEntry>;
  readonly #jobs = new Set<ScoreJob>();
  readonly #closing = new AbortController();
  #state: 'starting' | 'open' | 'rebuilding' | 'draining' | 'closed' = 'starting';
  #set: WorkerSet | null = null;
  #facts: SessionFacts | null = null;
  #inFlight = 0;
  #outstandingCost = 0;
  #tokens = 0;
  #tokenSlots = 0;
  #speed = new SpeedEstimate(0);
  #lastError: string | null = null;
  #rebuilding: Promise<void> = Promise.resolve();
  #idleWaiters: (() => void)[] = [];

  /** Begins to start the workers; {@link started} tells when they are warm. Until then {@link score} fails with `not_ready`. */
  constructor(options: WorkerPoolOptions) {
    this.spec = options.spec;
    this.#options = options;
    this.#queue = options.queue ?? new FairQueue<JobEntry>(({ batch }) => batch.cost);
    this.started = this.#open();
    // The owner awaits `started`; a pool that is closed before anyone looks must not end the process.
    this.started.catch(() => {});
  }

  /** Starts the workers, all or nothing. @throws RerankError the first worker's cause, `model_files` mostly */
  static async start(options: WorkerPoolOptions): Promise<WorkerPool> {
    const pool = new WorkerPool(options);
    await pool.started;
    return pool;
  }

  get facts(): SessionFacts {
    if (this.#facts === null) throw notReady('the model is being loaded');
    return this.#facts;
  }

  /** What each warm worker reported: load time, speed, deviation of the known pair. */
  get reports(): readonly WorkerReady[] {
    return this.#set?.reports ?? [];
  }

  costPerSecond(): number {
    return this.#speed.costPerSecond;
  }

  status(): ScorerStatus {
    const readyWorkers = this.#set?.readyCount ?? 0;
    return {
      state: this.#publicState(readyWorkers),
      workers: this.#options.workers,
      readyWorkers,
      busyWorkers: this.#inFlight,
      queuedBatches: this.#queue.size,
      outstandingCost: this.#outstandingCost,
      peakCostPerSecond: this.#speed.peakCostPerSecond,
      tokens: this.#tokens,
      tokenSlots: this.#tokenSlots,
      lastError: this.#lastError,
    };
  }

  async score(batches: readonly PairBatch[], ticket: Ticket): Promise<ScoredBatch[]> {
    return (await this.#submit(batches, ticket)).map((done) => ('logits' in done ? done : mixedUp()));
  }

  async tokenize(batches: readonly TextBatch[], ticket: Ticket): Promise<TokenizedBatch[]> {
    return (await this.#submit(batches, ticket)).map((done) => ('tokens' in done ? done : mixedUp()));
  }

  async #submit(batches: readonly (PairBatch | TextBatch)[], ticket: Ticket): Promise<DoneBatch[]> {
    this.#refuse();
    if (ticket.signal?.aborted) throw new RerankError('cancelled', 'the caller left');
    if (batches.length === 0) return [];
    const job = new ScoreJob(batches, ticket, this.#quickCost(batches), this.#forget);
    this.#jobs.add(job);
    for (const entry of job.entries) {
      this.#outstandingCost += entry.batch.cost;
      this.#queue.push(job.lane, entry);
    }
    this.#dispatch();
    return job.result;
  }

  /** Cost of a quick call, null for one that is not. */
  #quickCost(batches: readonly (PairBatch | TextBatch)[]): number | null {
    const cost = batches.reduce((sum, batch) => sum + batch.cost, 0);
    return cost <= QUICK_SECONDS * this.#options.workers * this.costPerSecond() ? cost : null;
  }

  async close(timeoutMs: number): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'draining';
    this.#closing.abort();
    await this.started.catch(() => {});
    const patience = new AbortController();
    void this.#failAfter(timeoutMs, patience.signal);
    await this.#idle(() => this.#jobs.size === 0);
    patience.abort();
    // Jobs are settled, but a cancelled batch may still be inside a run, and a thread must not end during one.
    await this.#idle(() => this.#inFlight === 0);
    await this.#rebuilding;
    this.#state = 'closed';
    await this.#set?.destroy();
    this.#set = null;
  }

  async #open(): Promise<void> {
    this.#set = await this.#startSet();
    const { reports } = this.#set;
    this.#facts = reports[0]!.facts;
    this.#speed = new SpeedEstimate(reports.reduce((sum, report) => sum + report.tokensPerSecond, 0) / reports.length);
    if (this.#state === 'starting') this.#state = 'open';
  }

  /** A copy that does not load is rejected: the source then makes another or gives the model's own file. */
  async #startSet(): Promise<WorkerSet> {
    const source = this.#options.weights;
    for (;;) {
      const weights = await source.open(this.#closing.signal);
      try {
        return await this.#startWorkers(weights);
      } catch (error) {
        if (!(await source.reject(weights, error as Error))) throw error;
      }
    }
  }

  #startWorkers(weights: ModelWeights): Promise<WorkerSet> {
    const { spec, cpuMemArena, workers, workerUrl, nice = 0 } = this.#options;
    return WorkerSet.start({
      workerUrl: workerUrl ?? WORKER_URL,
      size: workers,
      workerOptions: { spec, weights, cpuMemArena, nice },
      onChange: () => this.#onWorkersChanged(),
    });
  }

  #publicState(readyWorkers: number): ScorerStatus['state'] {
    if (this.#state === 'open') return readyWorkers > 0 ? 'ready' : 'degraded';
    return this.#state === 'rebuilding' ? 'degraded' : this.#state;
  }

  #refuse(): void {
    switch (this.#state) {
      case 'starting':
        throw notReady('the model is being loaded');
      case 'draining':
      case 'closed':
        throw new RerankError('draining', 'the server is shutting down');
      case 'rebuilding':
        if ((this.#set?.readyCount ?? 0) === 0) throw notReady('the workers failed and are being restarted');
    }
  }

  #dispatch(): void {
    while (this.#set !== null && this.#inFlight < this.#set.readyCount) {
      const entry = this.#queue.next();
      if (entry === undefined) return;
      // A timer fires late when the main thread is busy: what is expired by now is not worth a worker's time.
      if (entry.job.expireBy(performance.now())) this.#outstandingCost -= entry.batch.cost;
      else void this.#run(this.#set, entry);
    }
  }

  async #run(set: WorkerSet, entry: JobEntry): Promise<void> {
    const { job, batch } = entry;
    const queueMs = performance.now() - entry.submittedMs;
    this.#inFlight += 1;
    job.lane.running += 1;
    const reply = await set.run({ batch, cancel: job.cancelFlag }).catch((error: unknown) => error as Error);
    this.#inFlight -= 1;
    job.lane.running -= 1;
    const busyMs = performance.now() - entry.submittedMs - queueMs;
    this.#options.onBatch?.({ queueMs, busyMs, scores: scoresOf(reply) });
    if (reply instanceof Error) this.#onDeath(entry, reply);
    else this.#onReply(entry, reply, queueMs);
    this.#dispatch();
    this.#wakeIdleWaiters();
  }

  #onReply(entry: JobEntry, reply: WorkerReply, queueMs: number): void {
    this.#outstandingCost -= entry.batch.cost;
    if (!reply.ok) {
      const { code, message, ...options } = reply.error;
      entry.job.fail(new RerankError(code, message, options));
      return;
    }
    if ('logits' in reply) this.#count(entry.batch.cost, reply);
    entry.job.complete(entry, reply, queueMs);
  }

  /** Only what the model has run tells of its speed. */
  #count(cost: number, { tokenizationMs, inferenceMs, tokenCounts, tokenSlots }: BatchScores): void {
    this.#speed.learn(cost, tokenizationMs + inferenceMs);
    this.#tokens += tokenCounts.reduce((sum, count) => sum + count, 0);
    this.#tokenSlots += tokenSlots;
  }

  #onDeath(entry: JobEntry, error: Error): void {
    entry.deaths += 1;
    this.#lastError = error.message;
    this.#options.onEvent?.({ kind: 'worker_died', message: error.message });
    if (!entry.job.settled && entry.deaths < MAX_DEATHS) {
      this.#queue.pushFront(entry.job.lane, entry);
      return;
    }
    this.#outstandingCost -= entry.batch.cost;
    entry.job.fail(new RerankError('internal', `a worker died ${entry.deaths} times while working on this request`));
  }

  /** A settled job leaves the queue at once; its running batches see the flag. */
  readonly #forget = (job: ScoreJob): void => {
    for (const entry of this.#queue.drop(job.lane)) this.#outstandingCost -= entry.batch.cost;
    this.#jobs.delete(job);
    this.#wakeIdleWaiters();
  };

  /** Ends what is left after timeoutMs; Infinity waits for ever (a timer would take it for 1 ms). */
  async #failAfter(timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (!Number.isFinite(timeoutMs)) return;
    await sleep(timeoutMs, undefined, { signal }).catch(() => {});
    this.#failAll(new RerankError('draining', 'the server is shutting down'));
  }

  #failAll(error: RerankError): void {
    for (const job of [...this.#jobs]) job.fail(error);
  }

  #onWorkersChanged(): void {
    if (this.#set?.broken && this.#state === 'open') this.#rebuilding = this.#rebuild();
    this.#dispatch();
  }

  /** Replaces the whole set with growing waits; workers that are left keep scoring until the new set is tried. */
  async #rebuild(): Promise<void> {
    this.#state = 'rebuilding';
    let message = this.#set?.failure?.message ?? 'a worker could not be replaced';
    for (let attempt = 1; this.#state === 'rebuilding'; attempt += 1) {
      this.#lastError = message;
      const delayMs = Math.min((this.#options.rebuildDelayMs ?? REBUILD_DELAY_MS) * 2 ** (attempt - 1), MAX_REBUILD_DELAY_MS);
      this.#options.onEvent?.({ kind: 'rebuilding', attempt, delayMs, message });
      await sleep(delayMs, undefined, { signal: this.#closing.signal }).catch(() => {});
      if (this.#state !== 'rebuilding') return;
      try {
        await this.#replaceSet();
        this.#options.onEvent?.({ kind: 'rebuilt', attempt });
        return;
      } catch (error) {
        message = error instanceof Error ? error.message : String(error);
        this.#failAll(notReady(`the workers failed and cannot be restarted: ${message}`));
      }
    }
  }

  async #replaceSet(): Promise<void> {
    const old = this.#set;
    this.#set = null;
    await this.#idle(() => this.#inFlight === 0);
    await old?.destroy();
    const fresh = await this.#startSet();
    this.#set = fresh;
    if (this.#state === 'rebuilding') this.#state = 'open';
    this.#dispatch();
  }

  /** Resolves when the condition holds; it is looked at whenever a batch ends or a job settles. */
  async #idle(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  #wakeIdleWaiters(): void {
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const wake of waiters) wake();
  }
}

function notReady(why: string): RerankError {
  return new RerankError('not_ready', why, { retryAfterSeconds: 1 });
}

/** null when there are none: tokens, a failure, a worker that died. */
function scoresOf(reply: WorkerReply | Error): BatchScores | null {
  return !(reply instanceof Error) && reply.ok && 'logits' in reply ? reply : null;
}

function mixedUp(): never {
  throw new RerankError('internal', 'a worker answered another task than it was given. This is a bug.');
}

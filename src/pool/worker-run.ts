// One batch in a worker, and what becomes of the worker when it does not come back.

import { PHASE, type WorkerReply } from '../protocol.ts';
import type { JobEntry } from './score-job.ts';
import type { WorkerSet } from './worker-set.ts';

/** Where a lost worker is: in JavaScript, where it was ended, or inside the runtime, where it must be left. */
export type LostIn = 'script' | 'runtime';

/** A worker may take this many times what its batch was thought to take, beyond the time a lost one is given. */
const PATIENCE_FACTOR = 4;

/** The most that is added so: one long pair on a slow machine. */
const MAX_PATIENCE_MS = 60_000;

export class WorkerRun {
  readonly entry: JobEntry;
  readonly set: WorkerSet;
  readonly startedMs = performance.now();
  /** The worker's answer, or the error it ended with. */
  readonly reply: Promise<WorkerReply | Error>;
  readonly #phase = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  readonly #end = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #lostIn: LostIn | null = null;

  constructor(set: WorkerSet, entry: JobEntry) {
    this.set = set;
    this.entry = entry;
    const task = { batch: entry.batch, cancel: entry.job.cancelFlag, phase: this.#phase };
    this.reply = set.run(task, this.#end.signal).catch((error: unknown) => error as Error);
    void this.reply.then(() => clearTimeout(this.#timer));
  }

  /** Null while it is not lost. */
  get lostIn(): LostIn | null {
    return this.#lostIn;
  }

  /**
   * Nobody waits for the batch any more: its worker must come back soon. One that does not is lost; in JavaScript it is
   * ended.
   *
   * @param expectedMs what the batch was thought to take
   */
  expectBack(lostAfterMs: number, expectedMs: number, onLost: (where: LostIn) => void): void {
    const patienceMs = lostAfterMs + Math.min(PATIENCE_FACTOR * expectedMs, MAX_PATIENCE_MS);
    this.#timer ??= setTimeout(() => {
      const phase = Atomics.compareExchange(this.#phase, 0, PHASE.script, PHASE.condemned);
      this.#lostIn = phase === PHASE.runtime ? 'runtime' : 'script';
      onLost(this.#lostIn);
      if (this.#lostIn === 'script') this.#end.abort();
    }, patienceMs);
  }
}

// One call's batches on their way through the pool: its lane, its cancel flag, its deadline, and the one promise it settles.

import { RerankError } from '../errors.ts';
import {
  type BatchScores,
  type BatchTokens,
  DEFAULT_URGENCY,
  type PairBatch,
  type ScoredBatch,
  type TextBatch,
  type Ticket,
  type TokenizedBatch,
} from '../protocol.ts';
import { createLane, type Lane } from './fair-queue.ts';

/** One batch of a job. */
export interface JobEntry {
  readonly job: ScoreJob;
  readonly index: number;
  readonly batch: PairBatch | TextBatch;
  readonly submittedMs: number;
  /** Times a worker died over it. */
  deaths: number;
}

/** What a batch gave, and how long it waited. */
export type DoneBatch = ScoredBatch | TokenizedBatch;

/** Each step of urgency weighs four times the next: the least urgent work still goes on, at some thousandth of the workers' time. */
const URGENCY_STEP = 4;

function laneWeight(urgency = DEFAULT_URGENCY): number {
  return URGENCY_STEP ** (DEFAULT_URGENCY - urgency);
}

/** setTimeout takes at most 2^31 - 1 ms; a longer deadline is as good as none. */
const MAX_TIMER_MS = 2_147_483_647;

/**
 * Settles exactly once: with every batch's scores (or tokens) in order, or with the first failure. On settling, the cancel flag is set
 * (a running batch stops at its next micro-batch) and `onSettled` lets the pool drop what is still queued.
 */
export class ScoreJob {
  readonly lane: Lane<JobEntry>;
  readonly entries: readonly JobEntry[];
  /** Shared with the workers; `[0]` is 1 when nobody waits any more. */
  readonly cancelFlag = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  readonly result: Promise<DoneBatch[]>;
  #resolve: (batches: DoneBatch[]) => void = () => {};
  #reject: (error: RerankError) => void = () => {};
  readonly #onSettled: (job: ScoreJob) => void;
  readonly #ticket: Ticket;
  readonly #done: DoneBatch[];
  readonly #timer: NodeJS.Timeout | undefined;
  #missing: number;
  #settled = false;

  /** @param quickCost see {@link Lane} */
  constructor(
    batches: readonly (PairBatch | TextBatch)[],
    ticket: Ticket,
    quickCost: number | null,
    onSettled: (job: ScoreJob) => void,
  ) {
    const nowMs = performance.now();
    this.lane = createLane(ticket.maxWorkers, laneWeight(ticket.urgency), quickCost);
    this.entries = batches.map((batch, index) => ({ job: this, index, batch, submittedMs: nowMs, deaths: 0 }));
    this.#done = new Array<DoneBatch>(batches.length);
    this.#missing = batches.length;
    this.#ticket = ticket;
    this.#onSettled = onSettled;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    ticket.signal?.addEventListener('abort', this.#leave, { once: true });
    const remainingMs = ticket.deadlineMs - nowMs;
    if (remainingMs < MAX_TIMER_MS) this.#timer = setTimeout(this.#expire, Math.max(0, remainingMs));
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** Ends the job when its deadline is past. @returns whether it is settled */
  expireBy(nowMs: number): boolean {
    if (nowMs >= this.#ticket.deadlineMs) this.#expire();
    return this.#settled;
  }

  /** Takes what one batch gave; the last one settles the job. */
  complete(entry: JobEntry, reply: BatchScores | BatchTokens, queueMs: number): void {
    if (this.#settled) return;
    this.#done[entry.index] = { ...reply, queueMs };
    this.#missing -= 1;
    if ('logits' in reply) this.#ticket.onBatch?.(reply);
    if (this.#missing > 0) return;
    this.#settle();
    this.#resolve(this.#done);
  }

  /** Ends the job with its first failure; later ones are of no interest. */
  fail(error: RerankError): void {
    if (this.#settled) return;
    this.#settle();
    this.#reject(error);
  }

  readonly #leave = (): void => this.fail(new RerankError('cancelled', 'the caller left'));

  readonly #expire = (): void => this.fail(new RerankError('deadline', 'the request was not finished within its time limit'));

  #settle(): void {
    this.#settled = true;
    Atomics.store(this.cancelFlag, 0, 1);
    clearTimeout(this.#timer);
    this.#ticket.signal?.removeEventListener('abort', this.#leave);
    this.#onSettled(this);
  }
}

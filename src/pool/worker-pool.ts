// The pool: implements the Scorer port with worker threads. The fair queue stands before Piscina and feeds idle workers only.

import { setTimeout as sleep } from 'node:timers/promises';
import { RerankError } from '../errors.ts';
import {
  type BatchScores,
  type ModelSpec,
  type ModelWeights,
  type PairBatch,
  QUICK_SECONDS,
  type ScoredBatch,
  type Scorer,
  type ScorerStatus,
  type SessionFacts,
  type TextBatch,
  type Ticket,
  type TokenizedBatch,
  type WeightsSource,
  type WorkerReady,
  type WorkerReply,
} from '../protocol.ts';
import { FairQueue, type JobQueue } from './fair-queue.ts';
import { type DoneBatch, type JobEntry, ScoreJob } from './score-job.ts';
import { SpeedEstimate, TELLING_MS } from './speed-estimate.ts';
import { countedCost, hopedPerSecond, newReadingSpeed } from './work-done.ts';
import { type LostIn, WorkerRun } from './worker-run.ts';
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
  /** Time after which a worker is lost that does not come back from a call nobody waits for. */
  readonly lostAfterMs?: number;
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
  /** In JavaScript it is ended and replaced; inside the runtime its thread stays, so the process should be replaced. */
  | { readonly kind: 'worker_lost'; readonly where: LostIn; readonly message: string }
  | { readonly kind: 'rebuilding'; readonly attempt: number; readonly delayMs: number; readonly message: string }
  | { readonly kind: 'rebuilt'; readonly attempt: number };

/** Compiled: dist/src/pool/ -> dist/workers/. */
const WORKER_URL = new URL('../../workers/rerank-worker.js', import.meta.url);

const REBUILD_DELAY_MS = 1_000;
const MAX_REBUILD_DELAY_MS = 30_000;

const LOST_AFTER_MS = 5_000;

/** Sets of workers that may be left behind with a thread inside the runtime: each keeps its memory. */
const MAX_LEFT_BEHIND = 3;

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
  /** Batches in workers; without those of lost ones. */
  readonly #runs = new Set<WorkerRun>();
  /** Runs whose workers are lost inside the runtime. */
  readonly #lost = new Set<WorkerRun>();
  /** Sets that such a worker belongs to: nobody may end their threads. */
  readonly #leftBehind = new Set<WorkerSet>();
  #outstandingCost = 0;
  /** `performance.now()` when the last batch was scored that tells of the machine's speed. */
  #scoredMs = Number.NEGATIVE_INFINITY;
  #quickCost = 0;
  #tokens = 0;
  #tokenSlots = 0;
  #speed = new SpeedEstimate(0);
  readonly #reading = newReadingSpeed();
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
    return this.#speed.perSecond;
  }

  status(): ScorerStatus {
    const readyWorkers = this.#readyWorkers();
    return {
      state: this.#publicState(readyWorkers),
      workers: this.#options.workers,
      readyWorkers,
      busyWorkers: this.#runs.size,
      lostWorkers: this.#lost.size,
      queuedBatches: this.#queue.size,
      calls: this.#jobs.size,
      outstandingCost: this.#outstandingCost,
      quickCost: this.#quickCost,
      peakCostPerSecond: this.#speed.peakPerSecond,
      idleMs: performance.now() - this.#scoredMs,
      charactersPerSecond: this.#reading.perSecond,
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
    const job = new ScoreJob(batches, ticket, this.#quickCostOf(batches, ticket), this.#forget);
    this.#jobs.add(job);
    for (const entry of job.entries) {
      this.#account(entry, 1);
      this.#queue.push(job.lane, entry);
    }
    this.#dispatch();
    return job.result;
  }

  /** Cost of a quick call, null for one that is not. */
  #quickCostOf(batches: readonly (PairBatch | TextBatch)[], { quick }: Ticket): number | null {
    const cost = batches.reduce((sum, batch) => sum + checked(batch.cost), 0);
    return (quick ?? cost <= QUICK_SECONDS * this.#options.workers * this.costPerSecond()) ? cost : null;
  }

  /** Adds an entry's cost to what is outstanding, or takes it off. */
  #account({ job, batch }: JobEntry, sign: 1 | -1): void {
    this.#outstandingCost += sign * batch.cost;
    // Background work, however quick, is not served before others.
    if (job.lane.quickCost !== null && job.lane.weight >= 1) this.#quickCost += sign * batch.cost;
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
    // Jobs are settled, but a cancelled batch may still be inside a run, and a thread must not end during one. It comes
    // back or is lost.
    await this.#idle(() => this.#runs.size === 0);
    await this.#rebuilding;
    this.#state = 'closed';
    const set = this.#set;
    this.#set = null;
    if (set !== null) await this.#endOrLeave(set);
  }

  async #open(): Promise<void> {
    this.#set = await this.#startSet();
    const { reports } = this.#set;
    this.#facts = reports[0]!.facts;
    const warmUp = reports.reduce((sum, report) => sum + report.tokensPerSecond, 0) / reports.length;
    this.#speed = new SpeedEstimate(warmUp, { hoped: hopedPerSecond(this.spec) });
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

  /** Workers of the set that are warm, alive and not lost. */
  #readyWorkers(): number {
    const set = this.#set;
    if (set === null) return 0;
    return set.readyCount - [...this.#lost].filter((run) => run.set === set).length;
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
        if (this.#readyWorkers() === 0) throw notReady('the workers failed and are being restarted');
    }
  }

  #dispatch(): void {
    while (this.#set !== null && this.#set.idleCount > 0) {
      const entry = this.#queue.next();
      if (entry === undefined) return;
      // A timer fires late when the main thread is busy: what is expired by now is not worth a worker's time.
      if (entry.job.expireBy(performance.now())) this.#account(entry, -1);
      else void this.#run(this.#set, entry);
    }
  }

  async #run(set: WorkerSet, entry: JobEntry): Promise<void> {
    const { job } = entry;
    const run = new WorkerRun(set, entry);
    const queueMs = run.startedMs - entry.submittedMs;
    this.#runs.add(run);
    job.lane.running += 1;
    const reply = await run.reply;
    this.#runs.delete(run);
    job.lane.running -= 1;
    this.#options.onBatch?.({ queueMs, busyMs: performance.now() - run.startedMs, scores: scoresOf(reply) });
    if (run.lostIn !== null) this.#onReturn(run);
    else if (reply instanceof Error) this.#onDeath(entry, reply);
    else this.#onReply(entry, reply, queueMs);
    this.#dispatch();
    this.#wakeIdleWaiters();
  }

  #onReply(entry: JobEntry, reply: WorkerReply, queueMs: number): void {
    this.#account(entry, -1);
    if (!reply.ok) {
      const { code, message, ...options } = reply.error;
      entry.job.fail(new RerankError(code, message, options));
      return;
    }
    if ('logits' in reply) this.#count(entry.batch, reply);
    entry.job.complete(entry, reply, queueMs);
  }

  /** Only what the model has run tells of its speed, and only texts tell of how they are read. */
  #count(batch: JobEntry['batch'], scores: BatchScores): void {
    if (scores.inferenceMs >= TELLING_MS) this.#scoredMs = performance.now();
    this.#speed.learn(countedCost(batch, scores, this.spec.hiddenSize), scores.inferenceMs);
    if ('reading' in batch) this.#reading.learn(batch.reading?.characters ?? 0, scores.tokenizationMs);
    this.#tokens += scores.tokenCounts.reduce((sum, count) => sum + count, 0);
    this.#tokenSlots += scores.tokenSlots;
  }

  #onDeath(entry: JobEntry, error: Error): void {
    entry.deaths += 1;
    this.#lastError = error.message;
    this.#options.onEvent?.({ kind: 'worker_died', message: error.message });
    if (!entry.job.settled && entry.deaths < MAX_DEATHS) {
      this.#queue.pushFront(entry.job.lane, entry);
      return;
    }
    this.#account(entry, -1);
    entry.job.fail(new RerankError('internal', `a worker died ${entry.deaths} times while working on this request`));
  }

  /** A settled job leaves the queue at once; its running batches see the flag, and their workers must come back. */
  readonly #forget = (job: ScoreJob): void => {
    for (const entry of this.#queue.drop(job.lane)) this.#account(entry, -1);
    this.#jobs.delete(job);
    const { lostAfterMs = LOST_AFTER_MS } = this.#options;
    for (const run of this.#runs) {
      const expectedMs = (1000 * run.entry.batch.cost) / this.costPerSecond();
      if (run.entry.job === job) run.expectBack(lostAfterMs, expectedMs, (where) => this.#onLost(run, where));
    }
    this.#wakeIdleWaiters();
  };

  /**
   * One in JavaScript is ended in a moment, and replaced; around one inside the runtime a new set is built while there
   * is room for it.
   */
  #onLost(run: WorkerRun, where: LostIn): void {
    this.#account(run.entry, -1);
    this.#lastError = `a worker did not come back from a call that was over; it is ${LOST_PLACE[where]}`;
    if (where === 'runtime' && this.#runs.delete(run)) this.#lost.add(run);
    this.#options.onEvent?.({ kind: 'worker_lost', where, message: this.#lastError });
    this.#onWorkersChanged();
    this.#wakeIdleWaiters();
  }

  /**
   * A worker that was lost has come back, or its thread is gone. The last one of a set that was left behind ends the
   * set.
   */
  #onReturn(run: WorkerRun): void {
    this.#lost.delete(run);
    if (this.#leftBehind.has(run.set)) void this.#endOrLeave(run.set);
  }

  /** Ends the threads of a set without tasks; one with a lost worker is left behind, and ended when that comes back. */
  async #endOrLeave(set: WorkerSet): Promise<void> {
    if (set.running > 0) {
      this.#leftBehind.add(set);
      return;
    }
    this.#leftBehind.delete(set);
    await set.destroy();
  }

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
    if (this.#needsRebuild() && this.#state === 'open') this.#rebuilding = this.#rebuild();
    this.#dispatch();
  }

  #needsRebuild(): boolean {
    const set = this.#set;
    if (set === null) return false;
    const hasLost = [...this.#lost].some((run) => run.set === set);
    return set.broken || (hasLost && this.#leftBehind.size < MAX_LEFT_BEHIND);
  }

  /** Replaces the whole set with growing waits; workers that are left keep scoring until the new set is tried. */
  async #rebuild(): Promise<void> {
    this.#state = 'rebuilding';
    let message = this.#set?.failure?.message ?? (this.#lost.size > 0 ? this.#lastError! : 'a worker could not be replaced');
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
    await this.#idle(() => this.#runs.size === 0);
    if (old !== null) await this.#endOrLeave(old);
    this.#set = await this.#startSet();
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

const LOST_PLACE: Readonly<Record<LostIn, string>> = {
  script: 'ended and replaced',
  runtime: 'inside the runtime, where no thread can be ended: this process should be replaced',
};

/** @throws RerankError `internal`: one cost that is no number would stay in every sum */
function checked(cost: number): number {
  if (Number.isFinite(cost) && cost >= 0) return cost;
  throw new RerankError('internal', `a batch was priced at ${cost}. This is a bug.`);
}

function mixedUp(): never {
  throw new RerankError('internal', 'a worker answered another task than it was given. This is a bug.');
}

// Open-loop load: requests arrive when the plan says, whether the server answers or not, and latency counts from the planned arrival.

import { seedOf, uniform } from '../random.ts';
import { type ArrivalProcess, arrivalTimes } from './arrivals.ts';
import { openTarget, send, type Target } from './send.ts';
import { isRight, type Shot } from './shot.ts';

/** Plain data, so that it can be sent to a process of its own. */
export interface OpenLoopPlan {
  /** `http://127.0.0.1:8800` */
  readonly url: string;
  /** One is drawn for each arrival, seeded. */
  readonly shots: readonly Shot[];
  readonly arrivals: ArrivalProcess;
  readonly ratePerSecond: number;
  /** Arrivals stop then; answers may come for `timeoutMs` more. */
  readonly seconds: number;
  readonly seed: string;
  /** A request not answered by then, counted from its sending, is given up. */
  readonly timeoutMs: number;
  /** Connections at most. */
  readonly sockets: number;
}

/** What became of one arrival. Times in ms from the start of the load. */
export interface LoadRecord {
  readonly label: string;
  readonly documents: number;
  /** Planned arrival. */
  readonly scheduledMs: number;
  /** When the generator came to send it. */
  readonly startedMs: number;
  readonly endedMs: number;
  readonly status: number | null;
  /** @see Outcome */
  readonly error: string | null;
  readonly retryAfter: boolean;
  readonly queueMs: number | null;
  readonly reusedSocket: boolean;
  /** Whether it was the answer expected. */
  readonly right: boolean;
}

export interface LoadRun {
  /** Wall clock at the start, ms since 1970: ties the records to samples of other processes. */
  readonly startedAt: number;
  /** In order of completion. */
  readonly records: readonly LoadRecord[];
  readonly generator: GeneratorFigures;
}

/** Whether the generator itself kept up. */
export interface GeneratorFigures {
  readonly seconds: number;
  /** CPU time over wall time. */
  readonly cores: number;
}

export interface LoopHooks {
  /** Ends the arrivals early. */
  readonly signal?: AbortSignal;
  /** Told of every outcome, as it comes. */
  readonly onRecord?: (record: LoadRecord) => void;
}

/** No plan may ask for more: a mistake in a rate must not fill the memory. */
const MOST_ARRIVALS = 500_000;

/** Sends the plan's arrivals and waits for their outcomes; ends `timeoutMs` after the last arrival at the latest. */
export async function openLoop(plan: OpenLoopPlan, { signal, onRecord }: LoopHooks = {}): Promise<LoadRun> {
  const { ratePerSecond, seconds, shots, arrivals: process, seed } = plan;
  const times = arrivalTimes({ process, ratePerSecond, seconds, seed: seedOf(seed), most: MOST_ARRIVALS });
  const draw = uniform(seedOf(`${seed} shots`));
  return await measured(openTarget(plan.url, plan.sockets, plan.timeoutMs), async (target, clock) => {
    const records: LoadRecord[] = [];
    const pending: Promise<void>[] = [];
    await atTimes(times, clock, signal, (scheduledMs) => {
      const shot = shots[Math.floor(draw() * shots.length)]!;
      const fired = fire(target, shot, scheduledMs, clock).then((record) => {
        records.push(record);
        onRecord?.(record);
      });
      pending.push(fired);
    });
    await Promise.all(pending);
    return records;
  });
}

/** Sends one shot and judges its answer. @param clock ms since the start of the load */
export async function fire(target: Target, shot: Shot, scheduledMs: number, clock: () => number): Promise<LoadRecord> {
  const startedMs = clock();
  const { status, error, body, retryAfter, queueMs, reusedSocket } = await send(target, shot);
  return {
    label: shot.label,
    documents: shot.documents,
    scheduledMs,
    startedMs,
    endedMs: clock(),
    status,
    error,
    retryAfter,
    queueMs,
    reusedSocket,
    right: status !== null && isRight(shot.expect, status, body),
  };
}

/** Runs a load, weighs the generator, closes its connections. */
export async function measured(
  target: Target,
  run: (target: Target, clock: () => number) => Promise<readonly LoadRecord[]>,
): Promise<LoadRun> {
  const cpu = process.cpuUsage();
  const startedAt = Date.now();
  const started = performance.now();
  try {
    const records = await run(target, () => performance.now() - started);
    const seconds = (performance.now() - started) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    return { startedAt, records, generator: { seconds, cores: (user + system) / 1e6 / seconds } };
  } finally {
    target.agent.destroy();
  }
}

/** Calls `act` at each time; those that a late timer has passed follow at once. Resolves after the last, or when told to stop. */
function atTimes(
  times: Float64Array,
  clock: () => number,
  signal: AbortSignal | undefined,
  act: (scheduledMs: number) => void,
): Promise<void> {
  return new Promise((resolve) => {
    let next = 0;
    const step = (): void => {
      while (next < times.length && times[next]! <= clock() && !signal?.aborted) act(times[next++]!);
      if (next >= times.length || signal?.aborted) resolve();
      else setTimeout(step, times[next]! - clock());
    };
    step();
  });
}

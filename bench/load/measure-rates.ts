// Measures one server: its capacity by a closed loop, and what becomes of a rate offered whatever it answers.

import type { ServerProcess } from '../http/server-process.ts';
import { significant } from '../statistics.ts';
import { generate } from './generator.ts';
import type { LoadRun } from './open-loop.ts';
import type { Shot } from './shot.ts';
import { type LoadSummary, summarize, type Window } from './summary.ts';

/** The server under load: at most 2 s of work may wait, and what is not answered within the deadline fails. */
export const QUEUE_SECONDS = 2;
export const DEADLINE_SECONDS = 10;

/** How long each load runs, and how much of its start does not count. */
export interface LoadTimes {
  readonly warmSeconds: number;
  readonly seconds: number;
}

export interface Capacity {
  readonly requests_per_second: number;
  readonly documents_per_second: number;
}

/** What became of one offered rate. */
export interface RateFigures extends LoadSummary {
  /** Of the capacity. */
  readonly share: number;
  /** CPU time over wall time. */
  readonly server_cores: number;
  readonly generator_cores: number;
}

/** What is measured of one model. */
export interface LoadFigures {
  readonly model: string;
  readonly capacity: Capacity;
  readonly rates: readonly RateFigures[];
  /** Resident memory of the last third of all loads over that of the first. */
  readonly rss_last_over_first: number;
}

/** Callers a worker: enough that none is ever idle, too few to be refused. */
const CALLERS = 3;
const SOCKETS = 1000;

/** A request may take the deadline and its way back; a generator that waits longer would only be late. */
const GIVE_UP_MS = 1000 * (DEADLINE_SECONDS + 5);

const BACK_OFF_MS = 100;

export async function measureCapacity(
  server: ServerProcess,
  shots: readonly Shot[],
  times: LoadTimes,
  cores: number,
): Promise<Capacity> {
  const plan = { url: server.url, shots, seed: 'capacity', timeoutMs: GIVE_UP_MS, backOffMs: BACK_OFF_MS } as const;
  const run = await generate({ kind: 'closed', ...plan, callers: CALLERS * cores, seconds: times.warmSeconds + times.seconds });
  const { goodput_per_second, goodput_documents_per_second } = summaryOf(run, windowOf(times));
  return { requests_per_second: goodput_per_second, documents_per_second: goodput_documents_per_second };
}

export async function measureRate(
  server: ServerProcess,
  shots: readonly Shot[],
  times: LoadTimes,
  { share, ratePerSecond }: { readonly share: number; readonly ratePerSecond: number },
): Promise<RateFigures> {
  const seconds = times.warmSeconds + times.seconds;
  const cpu = server.cpuSeconds();
  const run = await generate({
    kind: 'open',
    url: server.url,
    shots,
    arrivals: 'poisson',
    ratePerSecond,
    seconds,
    seed: `rate ${share}`,
    timeoutMs: GIVE_UP_MS,
    sockets: SOCKETS,
  });
  const cores = (server.cpuSeconds() - cpu) / run.generator.seconds;
  const summary = summaryOf(run, windowOf(times));
  return { share, ...summary, server_cores: significant(cores), generator_cores: significant(run.generator.cores) };
}

function windowOf({ warmSeconds, seconds }: LoadTimes): Window {
  return { fromMs: 1000 * warmSeconds, toMs: 1000 * (warmSeconds + seconds) };
}

function summaryOf({ records }: LoadRun, window: Window): LoadSummary {
  return summarize(records, window, 1000 * DEADLINE_SECONDS);
}

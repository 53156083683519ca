// One scenario under an open-loop load through the proxy, every request counted.

import { setTimeout as sleep } from 'node:timers/promises';
import { type LoadRecord, openLoop } from '../load/open-loop.ts';
import type { Shot } from '../load/shot.ts';
import { countOutcomes, latencyOf } from '../load/summary.ts';
import { significant } from '../statistics.ts';
import type { Scenario } from './scenarios.ts';
import type { ComposeStack } from './stack.ts';

export interface FaultLoad {
  /** Drawn from evenly. */
  readonly shots: readonly Shot[];
  readonly ratePerSecond: number;
  /** Before and after what happens. */
  readonly quietMs: number;
}

/** `during`: the request was under way at some moment between the first act and the recovery. */
export type Phase = 'before' | 'during' | 'after';

export const PHASES: readonly Phase[] = ['before', 'during', 'after'];

export interface Counts {
  readonly phase: Phase;
  readonly size: string;
  readonly requests: number;
  /** Answered with the known ranking. */
  readonly right: number;
  /** 429: an answer, but not the one wanted. */
  readonly refused: number;
  /** 503, 502, a broken connection, a wrong ranking: everything else. */
  readonly lost: number;
  readonly longest_ms: number;
}

export interface ScenarioResult {
  readonly scenario: Scenario['name'];
  readonly title: string;
  /** From the first act until everything serves again. */
  readonly fault_seconds: number;
  readonly counts: readonly Counts[];
  /** Status, or the error's name -> requests. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** By either proxy. */
  readonly sent_again: number;
}

/** Bounds a scenario that does not end by itself. */
const LONGEST_SECONDS = 600;
/** Above the proxy's own timeout for a replica, so that it is the proxy that gives up. */
const TIMEOUT_MS = 150_000;
const SOCKETS = 256;

export async function runScenario(stack: ComposeStack, scenario: Scenario, load: FaultLoad): Promise<ScenarioResult> {
  await stack.scale(scenario.replicas);
  const sentBefore = await sentAgain(stack);
  const stop = new AbortController();
  const running = openLoop(
    {
      ...load,
      url: stack.url,
      arrivals: 'poisson',
      seconds: LONGEST_SECONDS,
      seed: scenario.name,
      timeoutMs: TIMEOUT_MS,
      sockets: SOCKETS,
    },
    { signal: stop.signal },
  );
  const times = await act(stack, scenario, load.quietMs).finally(() => stop.abort());
  const { records, startedAt } = await running;
  return {
    scenario: scenario.name,
    title: scenario.title,
    fault_seconds: significant((times.endedAt - times.begunAt) / 1000),
    counts: count(records, { fromMs: times.begunAt - startedAt, toMs: times.endedAt - startedAt }),
    outcomes: countOutcomes(records),
    sent_again: (await sentAgain(stack)) - sentBefore,
  };
}

async function act(stack: ComposeStack, scenario: Scenario, quietMs: number): Promise<{ begunAt: number; endedAt: number }> {
  await sleep(quietMs);
  const begunAt = Date.now();
  await scenario.act(stack);
  const endedAt = Date.now();
  await sleep(quietMs);
  return { begunAt, endedAt };
}

/** Requests both proxies have sent again since they began. */
export async function sentAgain(stack: ComposeStack): Promise<number> {
  const figures = await stack.figures();
  return figures.reduce((sum, each) => sum + each.sentAgain, 0);
}

/** Pure. @param fault ms from the start of the load */
export function count(records: readonly LoadRecord[], fault: { readonly fromMs: number; readonly toMs: number }): Counts[] {
  const phaseOf = ({ scheduledMs, endedMs }: LoadRecord): Phase =>
    endedMs < fault.fromMs ? 'before' : scheduledMs > fault.toMs ? 'after' : 'during';
  const sizes = [...new Set(records.map(({ label }) => label))].sort();
  return PHASES.flatMap((phase) =>
    sizes.map((size) =>
      countSome(
        phase,
        size,
        records.filter((record) => record.label === size && phaseOf(record) === phase),
      ),
    ),
  );
}

function countSome(phase: Phase, size: string, records: readonly LoadRecord[]): Counts {
  const right = records.filter((record) => record.right).length;
  const refused = records.filter(({ status }) => status === 429).length;
  const longest = Math.max(0, ...records.map(latencyOf));
  return {
    phase,
    size,
    requests: records.length,
    right,
    refused,
    lost: records.length - right - refused,
    longest_ms: significant(longest),
  };
}

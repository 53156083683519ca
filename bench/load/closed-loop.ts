// Closed-loop load: each of a number of callers sends its next request when it has the answer to the last. Finds capacity.

import { seedOf, uniform } from '../random.ts';
import { fire, type LoadRecord, type LoadRun, measured } from './open-loop.ts';
import { openTarget } from './send.ts';
import type { Shot } from './shot.ts';

/** Plain data, so that it can be sent to a process of its own. */
export interface ClosedLoopPlan {
  readonly url: string;
  readonly shots: readonly Shot[];
  /** Requests under way at once. */
  readonly callers: number;
  /** No request is begun after this. */
  readonly seconds: number;
  readonly seed: string;
  readonly timeoutMs: number;
  /** What a caller waits after a refusal before it goes on: at once would be an attack, not a load. */
  readonly backOffMs: number;
  /** Callers leave at the end without their answers, which would take long; otherwise they wait. */
  readonly leaveAtEnd?: boolean;
}

/** Latencies count from the sending: a closed loop plans no arrivals. */
export async function closedLoop(plan: ClosedLoopPlan): Promise<LoadRun> {
  const { shots, callers, seconds, seed, backOffMs, leaveAtEnd = false } = plan;
  const draw = uniform(seedOf(seed));
  return await measured(openTarget(plan.url, callers, plan.timeoutMs), async (target, clock) => {
    const records: LoadRecord[] = [];
    const caller = async (): Promise<void> => {
      while (clock() < seconds * 1000) {
        const shot = shots[Math.floor(draw() * shots.length)]!;
        const record = await fire(target, leaveAtEnd ? leaving(shot, seconds * 1000 - clock()) : shot, clock(), clock);
        records.push(record);
        if (record.status !== 200) await new Promise((resolve) => setTimeout(resolve, backOffMs));
      }
    };
    await Promise.all(Array.from({ length: callers }, caller));
    return records;
  });
}

function leaving(shot: Shot, afterMs: number): Shot {
  return { ...shot, leaveAfterMs: Math.max(1, afterMs) };
}

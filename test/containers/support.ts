// What the container tests share: the image, built once, and callers that do not stop.

import assert from 'node:assert/strict';
import { docker } from '../../bench/faults/docker.ts';
import { fire, type LoadRecord } from '../../bench/load/open-loop.ts';
import { openTarget } from '../../bench/load/send.ts';
import type { Shot } from '../../bench/load/shot.ts';
import { countOutcomes } from '../../bench/load/summary.ts';
import { repoRoot } from '../helpers/paths.ts';

export const IMAGE = 'crossrank:test';

/** Cached layers make the second file's build short. */
export async function buildImage(): Promise<void> {
  await docker(['build', '--quiet', '--tag', IMAGE, repoRoot]);
}

export interface Callers {
  /** Resolves when each caller has had an answer. */
  readonly begun: Promise<void>;
  /** Waits for the answers under way. */
  stop(): Promise<readonly LoadRecord[]>;
}

const TIMEOUT_MS = 120_000;

/** So many callers, each sending its next request when it has the answer to the last. */
export function keepCalling(url: string, shot: Shot, callers: number): Callers {
  const target = openTarget(url, callers, TIMEOUT_MS);
  const records: LoadRecord[] = [];
  let stopped = false;
  const answered: Promise<void>[] = [];
  const running = Array.from({ length: callers }, async () => {
    const call = async (): Promise<void> => {
      records.push(await fire(target, shot, performance.now(), () => performance.now()));
    };
    const first = call();
    answered.push(first);
    await first;
    while (!stopped) await call();
  });
  const stop = async (): Promise<readonly LoadRecord[]> => {
    stopped = true;
    await Promise.all(running);
    target.agent.destroy();
    return records;
  };
  return { begun: Promise.all(answered).then(() => {}), stop };
}

/**
 * Each caller has one request under way, so a replica that is killed can have had one of each. HAProxy answers 502, or closes the
 * connection where it had requests before.
 */
export function assertLostWithReplica(records: readonly LoadRecord[], callers: number): void {
  assert.ok(records.length > 0, 'nothing was asked');
  const outcomes = JSON.stringify(countOutcomes(records));
  const lost = records.filter(({ right }) => !right);
  assert.ok(lost.length <= callers, `lost of ${records.length} requests: ${outcomes}`);
  assert.ok(
    lost.every(({ status, retryAfter }) => status === null || (status === 502 && retryAfter)),
    `told otherwise than by 502 with Retry-After, or a closed connection: ${outcomes}`,
  );
}

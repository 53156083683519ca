// Pure: the times of a call -> what lies where on the clock.

import type { CallTiming } from '../rerank/types.ts';

export interface Phase {
  readonly name: 'queue' | 'tokenization' | 'inference';
  /** `performance.now()` */
  readonly startMs: number;
  readonly endMs: number;
  /** Seconds of worker time; null for the queue. */
  readonly workerSeconds: number | null;
}

/**
 * The call's wait, then its tokenisation and its inference in what is left of the clock.
 * A call of one batch is shown as it was. Of one that several workers scored at once, the sums are longer than the clock: they are
 * shown in proportion, and the phase carries the sum.
 *
 * @param calledMs when the call went to the service
 */
export function callPhases(calledMs: number, { queueMs, tokenizationMs, inferenceMs, totalMs }: CallTiming): readonly Phase[] {
  const workMs = tokenizationMs + inferenceMs;
  const scale = workMs === 0 ? 0 : Math.min(1, Math.max(0, totalMs - queueMs) / workMs);
  const tokenizedMs = calledMs + queueMs + tokenizationMs * scale;
  const phases: readonly Phase[] = [
    { name: 'queue', startMs: calledMs, endMs: calledMs + queueMs, workerSeconds: null },
    { name: 'tokenization', startMs: calledMs + queueMs, endMs: tokenizedMs, workerSeconds: tokenizationMs / 1000 },
    { name: 'inference', startMs: tokenizedMs, endMs: tokenizedMs + inferenceMs * scale, workerSeconds: inferenceMs / 1000 },
  ];
  // Where tokens were all that was asked for, there is none.
  return phases.filter(({ name }) => name !== 'inference' || inferenceMs > 0);
}

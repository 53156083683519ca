// The door: bounds the work accepted and not yet done, in seconds at the measured speed.

import { RerankError } from '../errors.ts';

export interface AdmissionLimits {
  /** Seconds of accepted work, all workers together, beyond which a call is refused. */
  readonly maxQueueSeconds: number;
}

/** What the machine has before it, from the scorer. */
export interface Backlog {
  /** Cost units accepted and not yet scored. */
  readonly outstandingCost: number;
  /** Cost units all workers score per second. */
  readonly costPerSecond: number;
}

/**
 * Lets a call in, or refuses it before any work was done for it. An idle machine takes a call of any size:
 * only work that is already waiting can be a reason to refuse.
 *
 * @param cost cost units of the call
 * @throws RerankError `overloaded` with the seconds after which there is room, by the measured speed
 */
export function admit(cost: number, { outstandingCost, costPerSecond }: Backlog, { maxQueueSeconds }: AdmissionLimits): void {
  if (outstandingCost === 0 || costPerSecond <= 0) return;
  const seconds = (outstandingCost + cost) / costPerSecond;
  if (seconds <= maxQueueSeconds) return;
  const waitSeconds = Math.min(seconds - maxQueueSeconds, outstandingCost / costPerSecond);
  throw new RerankError(
    'overloaded',
    `about ${(outstandingCost / costPerSecond).toFixed(1)} s of work are waiting and this request would add ${(cost / costPerSecond).toFixed(1)} s; ` +
      `at most ${maxQueueSeconds} s may wait`,
    { retryAfterSeconds: Math.max(1, Math.ceil(waitSeconds)) },
  );
}

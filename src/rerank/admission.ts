// The door: bounds the work accepted and not yet done, in seconds at the measured speed.

import { RerankError } from '../errors.ts';
import { DEFAULT_URGENCY } from '../protocol.ts';

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
  /** The best it has been; Infinity while too little was scored to tell. */
  readonly peakCostPerSecond: number;
}

/** A call at the door. */
export interface Asked {
  /** Cost units. */
  readonly cost: number;
  /** As in CallContext. */
  readonly urgency?: number | undefined;
}

/** Calls of at most this are small: about one batch of work a worker. */
const SMALL_SECONDS = 0.05;

/**
 * Part of the queue that a call may fill. What is left is kept for calls that are small, and for calls of the default urgency and above: neither
 * one large call nor work in the background may close the door to the others.
 */
const SHARES = { small: 1, large: 0.9, background: 0.5 } as const;

/**
 * Lets a call in, or refuses it before any work was done for it. An idle machine takes every call that could ever fit.
 *
 * @throws RerankError `too_costly` when the call alone is more than may ever wait, `overloaded` with the seconds after which there is
 *   room, by the measured speed
 */
export function admit({ cost, urgency = DEFAULT_URGENCY }: Asked, backlog: Backlog, { maxQueueSeconds }: AdmissionLimits): void {
  const { outstandingCost, costPerSecond, peakCostPerSecond } = backlog;
  if (costPerSecond <= 0) return;
  const limitSeconds = roundedMs(maxQueueSeconds * shareOf(cost / costPerSecond, urgency));
  const largest = limitSeconds * Math.max(costPerSecond, peakCostPerSecond);
  if (cost > largest) throw tooCostly(cost, largest, limitSeconds);
  if (outstandingCost === 0) return;
  const seconds = (outstandingCost + cost) / costPerSecond;
  if (seconds <= limitSeconds) return;
  const waitSeconds = Math.min(seconds - limitSeconds, outstandingCost / costPerSecond);
  throw new RerankError(
    'overloaded',
    `about ${(outstandingCost / costPerSecond).toFixed(1)} s of work are waiting and this request would add ${(cost / costPerSecond).toFixed(1)} s; ` +
      `at most ${limitSeconds} s may wait`,
    { retryAfterSeconds: Math.max(1, Math.ceil(waitSeconds)) },
  );
}

function shareOf(seconds: number, urgency: number): number {
  if (urgency > DEFAULT_URGENCY) return SHARES.background;
  return seconds <= SMALL_SECONDS ? SHARES.small : SHARES.large;
}

/** So that messages do not show what binary fractions make of a share. */
function roundedMs(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}

function tooCostly(cost: number, largest: number, limitSeconds: number): RerankError {
  return new RerankError(
    'too_costly',
    `about ${Math.round(cost)} tokens of work; this server takes at most ${Math.floor(largest)} in one request (${limitSeconds} s at its speed): split it`,
  );
}

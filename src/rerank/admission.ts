// The door: bounds the work accepted and not yet done, in seconds at the measured speed.

import { RerankError } from '../errors.ts';
import { DEFAULT_URGENCY, QUICK_SECONDS } from '../protocol.ts';
import { checkedCost } from './cost.ts';

export interface AdmissionLimits {
  /** Seconds of accepted work, all workers together, beyond which a call is refused. */
  readonly maxQueueSeconds: number;
}

/** What the machine has before it, from the scorer. */
export interface Backlog {
  /** Cost units accepted and not yet scored. */
  readonly outstandingCost: number;
  /** Those of quick calls. */
  readonly quickCost: number;
  /** Calls they belong to. */
  readonly calls: number;
  /** Cost units all workers score per second. */
  readonly costPerSecond: number;
  /** The same when nothing disturbs the machine. */
  readonly peakCostPerSecond: number;
  /** Whether the present speed was seen in the last {@link FRESH_SECONDS}. */
  readonly isFresh: boolean;
}

/** So long a speed that was seen is believed of an idle machine, too: the disturbance may last. Then it is given the benefit of the doubt. */
export const FRESH_SECONDS = 10;

/** A call at the door. */
export interface Asked {
  /** Cost units. */
  readonly cost: number;
  /** As in CallContext. */
  readonly urgency?: number | undefined;
  /** Until the call's deadline; Infinity for none. */
  readonly remainingSeconds?: number;
  /** Share of the workers that the call may occupy, above 0. */
  readonly workerShare?: number;
}

/**
 * Part of the queue that a call may fill. Quick calls are served before the others, so they fill a queue of their own;
 * background work leaves half to the others.
 */
const SHARES = { quick: 1, large: 0.9, background: 0.5 } as const;

type Kind = keyof typeof SHARES;

/** A call as the rules look at it. */
interface Case {
  readonly asked: Required<Asked>;
  readonly backlog: Backlog;
  readonly kind: Kind;
  /** Seconds that calls of its kind may fill. */
  readonly limitSeconds: number;
  /** Cost units a second: what is believed of this moment, and of an undisturbed one. */
  readonly speed: number;
  readonly best: number;
}

/**
 * Lets a call in, or refuses it before any work was done for it. One rule for the idle, the fresh and the busy:
 *
 * 1. What the machine at its best could not do within the queue's bound, or within the call's own time, is refused for
 *    good.
 * 2. A machine that has been idle for some seconds takes the rest: its present speed is that of work long done.
 * 3. Any other takes what fits the queue beside the work that is done before it, at the present speed, and can end in
 *    time.
 *
 * @returns whether the call is quick, and so served before larger ones
 * @throws RerankError `too_costly` by the first rule, `overloaded` by the third with the seconds after which there is
 *   room, `deadline` when the call's time is over
 */
export function admit(asked: Asked, backlog: Backlog, limits: AdmissionLimits): { readonly quick: boolean } {
  const here = caseOf(asked, backlog, limits);
  refuseForGood(here);
  if (backlog.outstandingCost > 0 || backlog.isFresh) refuseForNow(here);
  return { quick: here.kind === 'quick' };
}

function caseOf(asked: Asked, backlog: Backlog, { maxQueueSeconds }: AdmissionLimits): Case {
  const { cost, urgency = DEFAULT_URGENCY, remainingSeconds = Number.POSITIVE_INFINITY, workerShare = 1 } = asked;
  const speed = Math.max(checkedCost(backlog.costPerSecond), 1);
  const best = Math.max(checkedCost(backlog.peakCostPerSecond), speed);
  const kind = kindOf(checkedCost(cost) / speed, urgency);
  const limitSeconds = roundedMs(maxQueueSeconds * SHARES[kind]);
  return { asked: { cost, urgency, remainingSeconds, workerShare }, backlog, kind, limitSeconds, speed, best };
}

function kindOf(seconds: number, urgency: number): Kind {
  if (urgency > DEFAULT_URGENCY) return 'background';
  return seconds <= QUICK_SECONDS ? 'quick' : 'large';
}

function refuseForGood({ asked: { cost, remainingSeconds, workerShare }, limitSeconds, best }: Case): void {
  if (remainingSeconds <= 0) throw new RerankError('deadline', 'the request was not finished within its time limit');
  if (cost > limitSeconds * best) throw tooCostly(cost, limitSeconds * best, `${limitSeconds} s at its speed`);
  const inTime = remainingSeconds * best * workerShare;
  if (cost > inTime) throw tooCostly(cost, inTime, `what it does in the ${remainingSeconds.toFixed(1)} s that the request has`);
}

function refuseForNow({ asked, backlog, kind, limitSeconds, speed }: Case): void {
  const { cost, remainingSeconds, workerShare } = asked;
  const { outstandingCost, quickCost, calls } = backlog;
  const waiting = kind === 'quick' ? quickCost : outstandingCost;
  // Lanes share: while this call is served, none of the others gets more than it, but the quick ones, which come first.
  const before = Math.min(waiting, quickCost + calls * cost);
  const excess = Math.max(
    (waiting + cost) / speed - limitSeconds,
    before / speed + cost / (speed * workerShare) - remainingSeconds,
  );
  if (excess <= 0) return;
  // What does not even fit alone waits until the machine may have become faster.
  const fitsAlone = cost / speed <= limitSeconds && cost / (speed * workerShare) <= remainingSeconds;
  const waitSeconds = Math.min(excess, fitsAlone ? waiting / speed : FRESH_SECONDS, limitSeconds);
  throw new RerankError(
    'overloaded',
    `about ${(waiting / speed).toFixed(1)} s of work are waiting and this request would add ${(cost / speed).toFixed(1)} s; ` +
      `at most ${limitSeconds} s may wait${Number.isFinite(remainingSeconds) ? `, and the request has ${remainingSeconds.toFixed(1)} s` : ''}`,
    { retryAfterSeconds: Math.max(1, Math.ceil(waitSeconds)) },
  );
}

/** So that messages do not show what binary fractions make of a share. */
function roundedMs(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}

function tooCostly(cost: number, largest: number, why: string): RerankError {
  return new RerankError(
    'too_costly',
    `about ${Math.round(cost)} tokens of work; this server takes at most ${Math.floor(largest)} in one request (${why}): split it`,
  );
}

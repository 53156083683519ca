// Runs a load in a process of its own, so that no event loop is shared with what watches the server.

import { askChild } from './child.ts';
import type { ClosedLoopPlan } from './closed-loop.ts';
import type { LoadRun, OpenLoopPlan } from './open-loop.ts';

export type LoadPlan = ({ readonly kind: 'open' } & OpenLoopPlan) | ({ readonly kind: 'closed' } & ClosedLoopPlan);

/** Compiled beside this file. */
const ENTRY = new URL('./generator-main.js', import.meta.url);

/** For starting, and for sending the records back. */
const GRACE_MS = 30_000;

/** Ends with its plan: `seconds + timeoutMs` and a little more at the latest. @throws Error when the process fails or does not end */
export function generate(plan: LoadPlan): Promise<LoadRun> {
  return askChild(ENTRY, plan, plan.seconds * 1000 + plan.timeoutMs + GRACE_MS);
}

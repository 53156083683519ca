// Runs a load in a process of its own, so that no event loop is shared with what watches the server.

import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ClosedLoopPlan } from './closed-loop.ts';
import type { LoadRun, OpenLoopPlan } from './open-loop.ts';

export type LoadPlan = ({ readonly kind: 'open' } & OpenLoopPlan) | ({ readonly kind: 'closed' } & ClosedLoopPlan);

/** What the process sends back. */
export type GeneratorReply = { readonly ok: true; readonly run: LoadRun } | { readonly ok: false; readonly message: string };

/** Compiled beside this file. */
const ENTRY = fileURLToPath(new URL('./generator-main.js', import.meta.url));

/** For starting, and for sending the records back. */
const GRACE_MS = 30_000;

/** Ends with its plan: `seconds + timeoutMs` and a little more at the latest. @throws Error when the process fails or does not end */
export function generate(plan: LoadPlan): Promise<LoadRun> {
  return new Promise((resolve, reject) => {
    const child = fork(ENTRY, { execArgv: [], serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const timer = setTimeout(() => child.kill('SIGKILL'), plan.seconds * 1000 + plan.timeoutMs + GRACE_MS);
    let reply: GeneratorReply | null = null;
    child.once('message', (message) => {
      reply = message as GeneratorReply;
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      if (reply?.ok) resolve(reply.run);
      else reject(new Error(`the load generator ended with ${code ?? signal}: ${reply?.message ?? 'it said nothing'}`));
    });
    sendPlan(child, plan);
  });
}

/** The child ends by itself when this process does: its channel closes. */
function sendPlan(child: ChildProcess, plan: LoadPlan): void {
  child.send(plan, (error) => {
    if (error !== null) child.kill('SIGKILL');
  });
}

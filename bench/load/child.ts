// A piece of work in a process of its own: one plan in, one result out. Both ends of the channel.

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

type Reply<Result> = { readonly ok: true; readonly result: Result } | { readonly ok: false; readonly message: string };

/**
 * Starts the entry, sends it the plan and waits for its result.
 *
 * @param entry compiled module that calls {@link answerParent}
 * @param limitMs the process is killed after this
 * @throws Error when it fails, or ends without a result
 */
export function askChild<Result>(entry: URL, plan: object, limitMs: number): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(entry), {
      execArgv: [],
      serialization: 'advanced', // numbers that are no JSON, and one copy of a shot that is listed often
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
    let reply: Reply<Result> | null = null;
    child.once('message', (message) => {
      reply = message as Reply<Result>;
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      if (reply?.ok) resolve(reply.result);
      else reject(new Error(`the load generator ended with ${code ?? signal}: ${reply?.message ?? 'it said nothing'}`));
    });
    child.send(plan, (error) => {
      if (error !== null) child.kill('SIGKILL');
    });
  });
}

/** Runs the one plan that comes over the channel; the process ends when it is answered, or when the parent has gone. */
export function answerParent<Plan>(run: (plan: Plan) => Promise<unknown>): void {
  process.once('disconnect', orphaned);
  process.once('message', (plan) => {
    run(plan as Plan).then(
      (result) => reply({ ok: true, result }),
      (error: unknown) => reply({ ok: false, message: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
}

function orphaned(): void {
  process.exit(1);
}

function reply(message: Reply<unknown>): void {
  process.off('disconnect', orphaned);
  process.send!(message, () => process.disconnect());
}

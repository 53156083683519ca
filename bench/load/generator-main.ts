// Entry of a generator's process: takes one plan over the channel, runs it, sends the run back, and ends.

import { closedLoop } from './closed-loop.ts';
import type { GeneratorReply, LoadPlan } from './generator.ts';
import { openLoop } from './open-loop.ts';

process.once('disconnect', orphaned);

process.once('message', (plan: LoadPlan) => {
  const run = plan.kind === 'open' ? openLoop(plan) : closedLoop(plan);
  run.then(
    (result) => reply({ ok: true, run: result }),
    (error: unknown) => reply({ ok: false, message: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});

/** Nobody is left to tell. */
function orphaned(): void {
  process.exit(1);
}

function reply(message: GeneratorReply): void {
  process.off('disconnect', orphaned);
  process.send!(message, () => process.disconnect());
}

// The first SIGINT or SIGTERM asks a command to stop; it ends by itself then, because leaving during a run would abort the process.

import { CommandError, type ExitName } from './exit-codes.ts';

export interface Interrupt {
  readonly signal: AbortSignal;
  /** Which exit the signal stands for; null when none came. */
  readonly exit: () => ExitName | null;
  readonly dispose: () => void;
}

const EXIT_OF_SIGNAL = { SIGINT: 'interrupted', SIGTERM: 'terminated' } as const satisfies Record<string, ExitName>;

export function listenForInterrupts(): Interrupt {
  const controller = new AbortController();
  let exit: ExitName | null = null;
  const listener = (name: NodeJS.Signals): void => {
    exit ??= EXIT_OF_SIGNAL[name as keyof typeof EXIT_OF_SIGNAL];
    controller.abort();
  };
  const names = Object.keys(EXIT_OF_SIGNAL) as (keyof typeof EXIT_OF_SIGNAL)[];
  for (const name of names) process.on(name, listener);
  return {
    signal: controller.signal,
    exit: () => exit,
    dispose: () => {
      for (const name of names) process.off(name, listener);
    },
  };
}

/**
 * Runs something that a signal may end; it then fails with the exit of the signal, even when it was done in the same moment.
 *
 * @throws CommandError, or what `run` throws
 */
export async function endedBySignals<T>(run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const interrupt = listenForInterrupts();
  const outcome = await run(interrupt.signal).then(
    (value) => () => value,
    (error: unknown) => () => {
      throw error;
    },
  );
  interrupt.dispose();
  const exit = interrupt.exit();
  if (exit !== null) throw new CommandError(exit, exit);
  return outcome();
}

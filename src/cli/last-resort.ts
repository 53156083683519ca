// The end of a process that does not end by itself, however long it is waited for.

import type { Logger } from '../logger.ts';

export interface LastResort {
  /** How long after the time a shutdown may take. */
  readonly afterMs: number;
  readonly end: () => void;
}

/**
 * Runs that have begun may take seconds beyond the drain, and end the process well; one that hangs in the runtime never does.
 * `process.exit` would wait for its thread or abort (134, a core dump); SIGKILL is the end that supervisors know: 137.
 */
export const KILL_THIS_PROCESS: LastResort = {
  afterMs: 10_000,
  end: () => void process.kill(process.pid, 'SIGKILL'),
};

export class EndTimer {
  readonly #logger: Logger;
  readonly #resort: LastResort | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param resort nothing is ended without one */
  constructor(logger: Logger, resort: LastResort | undefined) {
    this.#logger = logger;
    this.#resort = resort;
  }

  /** Begins anew. It keeps no process alive, and outlives the shutdown: a thread that hangs keeps the process after it. */
  arm(shutdownMs: number): void {
    if (this.#resort === undefined) return;
    const { afterMs, end } = this.#resort;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#logger.error('the process does not end by itself; it is killed');
      setImmediate(end); // the line goes out first
    }, shutdownMs + afterMs);
    this.#timer.unref();
  }
}

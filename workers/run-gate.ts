// A worker's side of the handshake that keeps the runtime from being entered by a thread that is about to be ended.

import { PHASE } from '../src/protocol.ts';

/** Opened before a run, closed after it; see {@link PHASE}. */
export class RunGate {
  readonly #phase: Int32Array;

  /** @param phase of the task, shared with the main thread; by default nobody ends this thread */
  constructor(phase: Int32Array = new Int32Array(1)) {
    this.#phase = phase;
  }

  /** Does not return on a thread that is condemned: it waits for its end here, where that is harmless. */
  enter(): void {
    if (Atomics.compareExchange(this.#phase, 0, PHASE.script, PHASE.runtime) !== PHASE.condemned) return;
    for (;;) Atomics.wait(this.#phase, 0, PHASE.condemned);
  }

  leave(): void {
    Atomics.store(this.#phase, 0, PHASE.script);
  }
}

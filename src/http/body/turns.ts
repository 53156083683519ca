// Turns of the event loop for bodies that come, whoever's they are.

import { SharedTurns } from '../../rerank/turns.ts';

/** Bytes that are looked at in one turn of the event loop, whoever's they are: about a millisecond. */
const BYTES_OF_TURN = 262_144;

/**
 * Bytes of bodies that come, all requests together. Most turns have room for all that came; where hundreds of bodies come at once, each turn
 * takes some chunks and leaves the rest to the next ones, so that probes and answers come between.
 */
export class ArrivalTurns {
  readonly #turns = new SharedTurns();
  #bytesOfTurn = 0;

  /** Whether so many bytes may be looked at in this turn; they count then. */
  tryTake(bytes: number): boolean {
    if (this.#bytesOfTurn >= BYTES_OF_TURN) return false;
    if (this.#bytesOfTurn === 0) setImmediate(() => this.#reset());
    this.#bytesOfTurn += bytes;
    return true;
  }

  /** Resolves in a turn that has room. */
  async next(bytes: number): Promise<void> {
    do await this.#turns.next();
    while (!this.tryTake(bytes));
  }

  #reset(): void {
    this.#bytesOfTurn = 0;
  }
}

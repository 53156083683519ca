// Long work on the main thread in pieces, with turns of the event loop between; the work itself only tells how far it came.

/**
 * Work that can be paused wherever it yields; a yielded number is what was done since the last one, in characters
 * looked at.
 * Anything that is not text counts as much as the characters one could look at in the same time.
 */
export type Steps<Result> = Generator<number, Result, void>;

/** A pair, document or score handled counts as this many characters. */
export const ITEM_CHARACTERS = 80;

/** Work is told in grains of about this size, so that telling costs nothing. */
export const GRAIN_CHARACTERS = 65_536;

/** Characters of one turn, or 50,000 pairs: some 20 ms. */
export const TURN_CHARACTERS = 4_000_000;

/** Lets others use the event loop. */
export type Turn = () => Promise<void>;

/** Does the work, and gives way after every {@link TURN_CHARACTERS}. What is shorter never waits. */
export async function inTurns<Result>(steps: Steps<Result>, turn: Turn): Promise<Result> {
  let spent = 0;
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    spent += step.value;
    if (spent < TURN_CHARACTERS) continue;
    await turn();
    spent = 0;
  }
}

/** Does the work without a pause. */
export function atOnce<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/**
 * Of all that wait for their turn, one goes on in each round of the event loop: many long calls take no longer at a
 * time than one.
 */
export class SharedTurns {
  readonly #waiting: (() => void)[] = [];

  readonly next: Turn = () =>
    new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length === 1) this.#schedule();
    });

  #schedule(): void {
    setImmediate(() => {
      this.#waiting.shift()?.();
      if (this.#waiting.length > 0) this.#schedule();
    });
  }
}

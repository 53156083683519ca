// The one way a long encoding ends early: every loop says how much it did, and now and then the flag is looked at. Only workers/ imports it.

/** Units of text between two looks at the flag at most, whatever the text. */
export const UNITS_BETWEEN_LOOKS = 65_536;

/** Thrown out of the middle of an encoding that is no longer wanted. Caught where the encoding began, so it never leaves workers/. */
export class NotWanted extends Error {
  override readonly name = 'NotWanted';
}

/**
 * Counts what is done for a caller and looks at his flag.
 *
 * A look is an atomic load, so it is not made for every character; a native call on a text is never interrupted, so none is made on
 * more than a bounded piece unless it is linear and fast (slice, indexOf).
 */
export class Work {
  readonly #isCancelled: () => boolean;
  #left = UNITS_BETWEEN_LOOKS;

  constructor(isCancelled: () => boolean) {
    this.#isCancelled = isCancelled;
  }

  /** @param units of text just done, or about to be @throws NotWanted */
  spend(units: number): void {
    this.#left -= units;
    if (this.#left < 0) this.look();
  }

  /** @throws NotWanted */
  look(): void {
    this.#left = UNITS_BETWEEN_LOOKS;
    if (this.#isCancelled()) throw new NotWanted();
  }
}

/** Work that nobody ends: what is encoded when a model is loaded. */
export const UNENDING = new Work(() => false);

/** What `run` gives, null when it was no longer wanted. */
export function unlessNotWanted<Result>(run: () => Result): Result | null {
  try {
    return run();
  } catch (error) {
    if (error instanceof NotWanted) return null;
    throw error;
  }
}

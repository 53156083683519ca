// Turns of the event loop for work that is cut into pieces: one piece a turn, whoever's it is, so that many large bodies together stop
// the loop no longer than one does.

export class Turns {
  #last: Promise<void> = Promise.resolve();

  /** Resolves in a turn of the caller's own; first come, first served. */
  next(): Promise<void> {
    this.#last = this.#last.then(nextTurn);
    return this.#last;
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

// Whether a process answers, and whether it is fit to serve, by what it said to one question after the other. Pure but for its counts.

/** What is to be done about a process after a question. */
export type Verdict = 'ask' | 'wait' | 'silent' | 'hung' | 'unfit';

/** Questions without an answer after which a process gets no more connections. A loop that stands so long is not merely busy. */
const SILENT_AFTER = 5;

export class Pulse {
  readonly #limit: number;
  #unanswered = 0;
  #unfit = 0;

  /** @param limit questions in a row without an answer, or with an answer that it is not ready, after which it is replaced */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Time is counted in looks, so that a machine that slept, or a primary that stood still, takes nobody for dead.
   *
   * @returns `ask` a new question; `wait`, the last one is not answered yet; `silent`, from this look on; `hung` and `unfit`: replace it
   */
  look(): Verdict {
    if (this.#unfit >= this.#limit) {
      this.#unfit = 0;
      return 'unfit';
    }
    this.#unanswered += 1;
    if (this.#unanswered === 1) return 'ask';
    if (this.#unanswered === this.#limit + 1) return 'hung';
    return this.#unanswered === SILENT_AFTER + 1 ? 'silent' : 'wait';
  }

  /** @param fit whether it says that it is ready */
  hear(fit: boolean): void {
    this.#unanswered = 0;
    this.#unfit = fit ? 0 : this.#unfit + 1;
  }
}

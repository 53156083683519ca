// Values of a graph that are made when they are first asked for, and then used again.

export class Memo {
  readonly #known = new Map<string, string>();

  /** @param key names the value */
  once(key: string, make: () => string): string {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const made = make();
    this.#known.set(key, made);
    return made;
  }
}

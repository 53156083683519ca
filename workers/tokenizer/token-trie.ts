// A trie of token texts over UTF-16 units in flat arrays: 250,000 tokens take about 15 MB and no object each. Only workers/tokenizer imports it.

import { failModel } from './json.ts';

/** The node every walk starts from. */
export const TRIE_ROOT = 0;
/** What {@link TokenTrie.step} gives where no token continues. */
export const TRIE_NONE = -1;

/** Twenty times those of the largest vocabulary; the arrays then take 1.3 GB. */
const MAX_NODES = 2 ** 26;

/** Models walk along a token at every place of a word; the longest tokens there are (runs of spaces, of dashes) have some hundred. */
const MAX_TOKEN_UNITS = 4096;

export class TokenTrie {
  /** Node -> id of the token that ends there, -1 for none. */
  #ids: Int32Array;
  #parents: Int32Array;
  #units: Uint16Array;
  /** Open addressing on (parent, unit); a slot holds the child, 0 when empty (the root is nobody's child). */
  #slots: Int32Array;
  #mask: number;
  #nodes = 1;
  /** UTF-16 unit -> child of the root: the step taken most. */
  readonly #firsts = new Int32Array(65_536).fill(TRIE_NONE);
  #longest = 0;
  /** Id -> the node its text ends at; made when first asked for. */
  #ends: Map<number, number> | null = null;

  constructor(expectedTokens = 16) {
    const capacity = Math.max(64, expectedTokens * 3);
    this.#ids = new Int32Array(capacity).fill(-1);
    this.#parents = new Int32Array(capacity);
    this.#units = new Uint16Array(capacity);
    const slots = 2 ** Math.ceil(Math.log2(capacity * 2));
    this.#slots = new Int32Array(slots);
    this.#mask = slots - 1;
  }

  /** Length of the longest token, UTF-16 units. */
  get longest(): number {
    return this.#longest;
  }

  get isEmpty(): boolean {
    return this.#nodes === 1;
  }

  /** A later id of the same text wins, as in the reference's maps. @throws RerankError `model_files` for a text too long */
  add(text: string, id: number): void {
    if (text.length > MAX_TOKEN_UNITS)
      failModel('tokenizer.json', `a token has ${text.length} characters, ${text.slice(0, 40)}...`);
    let node = TRIE_ROOT;
    for (let i = 0; i < text.length; i += 1) {
      const unit = text.charCodeAt(i);
      const child = this.step(node, unit);
      node = child === TRIE_NONE ? this.#addChild(node, unit) : child;
    }
    this.#ids[node] = id;
    this.#longest = Math.max(this.#longest, text.length);
  }

  /** The child of `node` by `unit`, or {@link TRIE_NONE}. */
  step(node: number, unit: number): number {
    if (node === TRIE_ROOT) return this.#firsts[unit]!;
    const slots = this.#slots;
    let slot = hash(node, unit) & this.#mask;
    for (let child = slots[slot]!; child !== 0; child = slots[slot]!) {
      if (this.#parents[child] === node && this.#units[child] === unit) return child;
      slot = (slot + 1) & this.#mask;
    }
    return TRIE_NONE;
  }

  /** Id of the token that ends at `node`, -1 for none. */
  idAt(node: number): number {
    return this.#ids[node]!;
  }

  /** Id of a whole token, -1 when it is not in the trie. */
  find(text: string): number {
    const node = this.walk(text);
    return node <= TRIE_ROOT ? -1 : this.#ids[node]!;
  }

  /** The node reached by `text`, or {@link TRIE_NONE}. */
  walk(text: string): number {
    let node = TRIE_ROOT;
    for (let i = 0; i < text.length && node !== TRIE_NONE; i += 1) node = this.step(node, text.charCodeAt(i));
    return node;
  }

  /** Text of an id; of several texts with the id the last one. An unknown id has an empty one. */
  textOf(id: number): string {
    this.#ends ??= this.#findEnds();
    const units: number[] = [];
    for (let node = this.#ends.get(id) ?? TRIE_ROOT; node !== TRIE_ROOT; node = this.#parents[node]!)
      units.push(this.#units[node]!);
    return units
      .reverse()
      .map((unit) => String.fromCharCode(unit))
      .join('');
  }

  #findEnds(): Map<number, number> {
    const ends = new Map<number, number>();
    for (let node = 1; node < this.#nodes; node += 1) if (this.#ids[node]! >= 0) ends.set(this.#ids[node]!, node);
    return ends;
  }

  #addChild(parent: number, unit: number): number {
    if (this.#nodes === this.#ids.length) this.#grow();
    const child = this.#nodes;
    this.#nodes += 1;
    this.#parents[child] = parent;
    this.#units[child] = unit;
    if (parent === TRIE_ROOT) this.#firsts[unit] = child;
    else this.#link(child);
    return child;
  }

  #link(child: number): void {
    let slot = hash(this.#parents[child]!, this.#units[child]!) & this.#mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#mask;
    this.#slots[slot] = child;
  }

  #grow(): void {
    const capacity = this.#ids.length * 2;
    if (capacity > MAX_NODES) failModel('tokenizer.json', 'its tokens have too many characters together');
    const ids = new Int32Array(capacity).fill(-1);
    ids.set(this.#ids);
    const parents = new Int32Array(capacity);
    parents.set(this.#parents);
    const units = new Uint16Array(capacity);
    units.set(this.#units);
    [this.#ids, this.#parents, this.#units] = [ids, parents, units];
    this.#slots = new Int32Array((this.#mask + 1) * 2);
    this.#mask = this.#slots.length - 1;
    for (let child = 1; child < this.#nodes; child += 1) if (parents[child] !== TRIE_ROOT) this.#link(child);
  }
}

function hash(node: number, unit: number): number {
  const mixed = Math.imul(node, 0x9e3779b1) ^ Math.imul(unit + 1, 0x85ebca6b);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

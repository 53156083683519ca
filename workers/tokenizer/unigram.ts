// The Unigram model: the best-scoring segmentation of a word. Only model.ts imports it.
// Same ids as `encode_optimized` and `tokenize` of models/unigram/model.rs in tokenizers 0.22.2, in one forward pass.

import { byteIds } from './byte-fallback.ts';
import { arrayAt, failModel, flag, type Json, stringAt, wholeAt } from './json.ts';
import type { PlacedToken, TokenModel } from './model.ts';
import type { TokenBuffer } from './token-buffer.ts';
import { TokenTrie, TRIE_NONE, TRIE_ROOT } from './token-trie.ts';
import { checkTokenCount } from './vocabulary.ts';

/** How far below the worst token an unknown character scores. */
const UNKNOWN_PENALTY = 10;
/** Logarithms of probabilities are some tens; sums of these must stay finite. */
const MAX_SCORE = 1e100;
/** Units of a long word between two looks whether its first tokens are already decided. */
const BLOCK_UNITS = 2048;

export class Unigram implements TokenModel {
  readonly size: number;
  readonly #trie: TokenTrie;
  readonly #scores: Float64Array;
  readonly #unknownId: number;
  readonly #unknownScore: number;
  readonly #byteFallback: boolean;
  readonly #where: string;
  /** Best path that ends at a position: its score, where its last token starts (-1: not reached), that token's id. */
  #best = new Float64Array(256);
  #starts = new Int32Array(256);
  #ids = new Int32Array(256);

  constructor(config: Json, where: string) {
    const vocab = arrayAt(config.vocab, `${where}.vocab`);
    checkTokenCount(vocab.length, `${where}.vocab`);
    this.#where = where;
    this.size = vocab.length;
    this.#trie = new TokenTrie(vocab.length);
    this.#scores = new Float64Array(vocab.length);
    let worst = Number.POSITIVE_INFINITY;
    for (const [id, entry] of vocab.entries()) {
      const [text, score] = arrayAt(entry, `${where}.vocab[${id}]`);
      if (typeof score !== 'number' || Math.abs(score) > MAX_SCORE) failModel(`${where}.vocab[${id}]`, 'a score is expected');
      this.#trie.add(stringAt(text, `${where}.vocab[${id}]`), id);
      this.#scores[id] = score;
      worst = Math.min(worst, score);
    }
    this.#unknownScore = worst - UNKNOWN_PENALTY;
    this.#unknownId = wholeAt(config.unk_id, `${where}.unk_id`, { min: 0, max: vocab.length - 1, fallback: -1 });
    this.#byteFallback = flag(config.byte_fallback, false);
  }

  tokenize(word: string, out: TokenBuffer): void {
    this.#reset(word.length + 1);
    const wanted = out.limit - out.length;
    let blockEnd = out.limit === Number.POSITIVE_INFINITY ? word.length : BLOCK_UNITS;
    let at = 0;
    while (at < word.length) {
      at = this.#advance(word, at, Math.min(blockEnd, word.length));
      if (at >= word.length) break;
      const decided = this.#decidedUntil(at);
      const bounds = this.#boundaries(decided);
      // The last token may still fuse with an unknown one that follows.
      if (bounds.length - 2 > wanted && this.#emit(word, bounds, wanted, out)) return;
      blockEnd = at * 2;
    }
    this.#emit(word, this.#boundaries(word.length), Number.POSITIVE_INFINITY, out);
  }

  place(word: string): PlacedToken[] {
    this.#reset(word.length + 1);
    this.#advance(word, 0, word.length);
    const bounds = this.#boundaries(word.length);
    const placed: PlacedToken[] = [];
    for (let i = 1; i < bounds.length; i += 1) {
      const start = bounds[i - 1]!;
      const isUnknown = this.#ids[bounds[i]!] === this.#unknownId;
      while (isUnknown && i + 1 < bounds.length && this.#ids[bounds[i + 1]!] === this.#unknownId) i += 1;
      const end = bounds[i]!;
      const text = word.slice(start, end);
      const ids = isUnknown ? this.#unknownIds(text) : [this.#ids[end]!];
      for (const id of ids) placed.push({ id, text, start, end });
    }
    return placed;
  }

  idOf(token: string): number {
    return this.#trie.find(token);
  }

  #reset(size: number): void {
    if (size > this.#starts.length) {
      this.#best = new Float64Array(size * 2);
      this.#starts = new Int32Array(size * 2);
      this.#ids = new Int32Array(size * 2);
    }
    this.#starts.fill(-1, 0, size);
    this.#best[0] = 0;
  }

  /** Extends all paths that start before `end`; gives the first position not yet extended. */
  #advance(word: string, from: number, end: number): number {
    const trie = this.#trie;
    let start = from;
    while (start < end) {
      const score = this.#best[start]!;
      const width = (word.charCodeAt(start) & 0xfc00) === 0xd800 ? 2 : 1;
      let hasSingle = false;
      let node = TRIE_ROOT;
      for (let i = start; i < word.length; ) {
        node = trie.step(node, word.charCodeAt(i));
        if (node === TRIE_NONE) break;
        i += 1;
        const id = trie.idAt(node);
        if (id < 0) continue;
        this.#offer(i, start, id, score + this.#scores[id]!);
        if (i - start === width) hasSingle = true;
      }
      if (!hasSingle) this.#offer(start + width, start, this.#unknownId, score + this.#unknownScore);
      start += width;
    }
    return start;
  }

  #offer(end: number, start: number, id: number, score: number): void {
    if (this.#starts[end]! >= 0 && score <= this.#best[end]!) return;
    if (id < 0) failModel(this.#where, 'a character is unknown and unk_id is missing');
    this.#best[end] = score;
    this.#starts[end] = start;
    this.#ids[end] = id;
  }

  /**
   * The last boundary that every path through the positions before `at` shares.
   *
   * Whatever follows, the best path has a boundary among the last `longest` positions, and its beginning is the best
   * path to that boundary. Going back from the latest of these candidates until one is left finds their common boundary.
   */
  #decidedUntil(at: number): number {
    const lowest = Math.max(0, at - this.#trie.longest);
    const open = new Set<number>();
    for (let i = lowest; i <= at; i += 1) if (i === 0 || this.#starts[i]! >= 0) open.add(i);
    let latest = at;
    while (open.size > 1) {
      while (!open.has(latest)) latest -= 1;
      open.delete(latest);
      open.add(this.#starts[latest]!);
    }
    return open.values().next().value ?? 0;
  }

  /** Token boundaries of the best path to `end`, ascending, both ends included. */
  #boundaries(end: number): number[] {
    const bounds = [end];
    for (let at = end; at > 0; ) {
      at = this.#starts[at]!;
      bounds.push(at);
    }
    return bounds.reverse();
  }

  /** Pushes at least `wanted` ids of the path if it has them; neighbouring unknown tokens are one. Says whether it had them. */
  #emit(word: string, bounds: readonly number[], wanted: number, out: TokenBuffer): boolean {
    const before = out.length;
    for (let i = 1; i < bounds.length; i += 1) {
      const end = bounds[i]!;
      if (this.#ids[end] !== this.#unknownId) {
        out.push(this.#ids[end]!);
      } else {
        const start = bounds[i - 1]!;
        while (i + 1 < bounds.length && this.#ids[bounds[i + 1]!] === this.#unknownId) i += 1;
        // An unknown run that touches the end of an undecided path may go on.
        if (i + 1 === bounds.length && wanted !== Number.POSITIVE_INFINITY) break;
        out.pushAll(this.#unknownIds(word.slice(start, bounds[i]!)));
      }
      if (out.length - before >= wanted) return true;
    }
    if (wanted === Number.POSITIVE_INFINITY) return true;
    out.rewind(before);
    return false;
  }

  /** Ids of neighbouring unknown characters: one token if they are one together, or their bytes, or the unknown token. */
  #unknownIds(text: string): readonly number[] {
    const id = this.#trie.find(text);
    if (id >= 0) return [id];
    return (this.#byteFallback ? byteIds(this.#trie, text) : null) ?? [this.#unknownId];
  }
}

// The Unigram model: the best-scoring segmentation of a word. Only model.ts imports it.
// Same ids as `encode_optimized` and `tokenize` of models/unigram/model.rs in tokenizers 0.22.2, in one forward pass.

import { ByteTokens } from './byte-fallback.ts';
import { arrayAt, failModel, flag, type Json, stringAt, wholeAt } from './json.ts';
import type { PlacedToken, TokenModel } from './model.ts';
import { TokenBuffer } from './token-buffer.ts';
import { TokenTrie, TRIE_NONE, TRIE_ROOT } from './token-trie.ts';
import { checkTokenCount } from './vocabulary.ts';
import type { Work } from './work.ts';

/** How far below the worst token an unknown character scores. */
const UNKNOWN_PENALTY = 10;
/** Logarithms of probabilities are some tens; sums of these must stay finite. */
const MAX_SCORE = 1e100;
/** Units of a long word between two looks whether its first tokens are already decided. */
const BLOCK_UNITS = 2048;
/** Positions whose arrays stay for the next word. */
const KEPT_POSITIONS = 262_144;

export class Unigram implements TokenModel {
  readonly size: number;
  readonly #trie: TokenTrie;
  readonly #scores: Float64Array;
  readonly #unknownId: number;
  readonly #unknownScore: number;
  /** Null without byte fallback. */
  readonly #bytes: ByteTokens | null;
  readonly #where: string;
  /** Best path that ends at a position: its score, where its last token starts (-1: not reached), that token's id. */
  #best = new Float64Array(256);
  #starts = new Int32Array(256);
  #ids = new Int32Array(256);
  /** Positions up to here are set for the word in work. */
  #reached = 0;

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
    this.#bytes = flag(config.byte_fallback, false) ? new ByteTokens(this.#trie) : null;
  }

  tokenize(word: string, out: TokenBuffer): void {
    if (!this.#tokenizeDecided(word, word.length, out))
      this.#emit(word, this.#boundaries(word.length, out.work), Number.POSITIVE_INFINITY, out);
    this.#shrink();
  }

  /** Paths that end where a token could reach over the end of what is known are left out. */
  readonly tokenizeBeginning = (beginning: string, out: TokenBuffer): boolean => {
    const isDecided = this.#tokenizeDecided(beginning, beginning.length - this.#trie.longest, out);
    this.#shrink();
    return isDecided;
  };

  /**
   * Pushes the wanted ids when they are decided before the path reaches `until`; else extends all paths to there.
   *
   * Looks at blocks of doubling length, so that what is gone over again is no more than the whole.
   */
  #tokenizeDecided(word: string, until: number, out: TokenBuffer): boolean {
    this.#reset();
    const wanted = out.limit - out.length;
    let blockEnd = out.limit === Number.POSITIVE_INFINITY ? until : BLOCK_UNITS;
    let at = 0;
    while (at < until) {
      at = this.#advance(word, at, Math.min(blockEnd, until), out.work);
      if (at >= word.length) break;
      const decided = this.#decidedUntil(at);
      // The last token may still fuse with an unknown one that follows.
      const isEnough = this.#tokensUntil(decided, out.work) - 1 > wanted;
      if (isEnough && this.#emit(word, this.#boundaries(decided, out.work), wanted, out)) return true;
      blockEnd = at * 2;
    }
    return false;
  }

  place(word: string, work: Work): PlacedToken[] {
    this.#reset();
    this.#advance(word, 0, word.length, work);
    const bounds = this.#boundaries(word.length, work);
    const placed: PlacedToken[] = [];
    for (let i = 1; i < bounds.length; i += 1) {
      work.spend(1);
      const start = bounds[i - 1]!;
      const isUnknown = this.#ids[bounds[i]!] === this.#unknownId;
      while (isUnknown && i + 1 < bounds.length && this.#ids[bounds[i + 1]!] === this.#unknownId) i += 1;
      const end = bounds[i]!;
      const text = word.slice(start, end);
      const ids = isUnknown ? this.#unknownIds(text, work) : [this.#ids[end]!];
      for (const id of ids) placed.push({ id, text, start, end });
    }
    this.#shrink();
    return placed;
  }

  idOf(token: string): number {
    return this.#trie.find(token);
  }

  #reset(): void {
    this.#starts[0] = -1;
    this.#best[0] = 0;
    this.#reached = 0;
  }

  /** Makes room for paths that end at `last` at most. */
  #reach(last: number): void {
    if (last >= this.#starts.length) {
      const size = last * 2;
      const [best, starts, ids] = [new Float64Array(size), new Int32Array(size), new Int32Array(size)];
      best.set(this.#best);
      starts.set(this.#starts);
      ids.set(this.#ids);
      [this.#best, this.#starts, this.#ids] = [best, starts, ids];
    }
    if (last <= this.#reached) return;
    this.#starts.fill(-1, this.#reached + 1, last + 1);
    this.#reached = last;
  }

  /** One huge word does not keep its memory. */
  #shrink(): void {
    if (this.#starts.length <= KEPT_POSITIONS) return;
    [this.#best, this.#starts, this.#ids] = [new Float64Array(256), new Int32Array(256), new Int32Array(256)];
  }

  /** Extends all paths that start before `end`; gives the first position not yet extended. */
  #advance(word: string, from: number, end: number, work: Work): number {
    const trie = this.#trie;
    this.#reach(Math.min(word.length, end + trie.longest + 1));
    let start = from;
    while (start < end) {
      work.spend(1);
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

  /** Tokens of the best path to `end`: neighbouring unknown ones count as one where they become one. */
  #tokensUntil(end: number, work: Work): number {
    let count = 0;
    let follower = -1;
    for (let at = end; at > 0; at = this.#starts[at]!) {
      work.spend(1);
      const id = this.#ids[at]!;
      if (id !== this.#unknownId || follower !== id || this.#bytes !== null) count += 1;
      follower = id;
    }
    return count;
  }

  /** Token boundaries of the best path to `end`, ascending, both ends included. */
  #boundaries(end: number, work: Work): Int32Array {
    let count = 0;
    for (let at = end; at > 0; at = this.#starts[at]!) count += 1;
    work.spend(count);
    const bounds = new Int32Array(count + 1);
    for (let at = end; at > 0; at = this.#starts[at]!) {
      bounds[count] = at;
      count -= 1;
    }
    return bounds;
  }

  /** Pushes at least `wanted` ids of the path if it has them; neighbouring unknown tokens are one. Says whether it had them. */
  #emit(word: string, bounds: Int32Array, wanted: number, out: TokenBuffer): boolean {
    const before = out.length;
    for (let i = 1; i < bounds.length; i += 1) {
      out.work.spend(1);
      const end = bounds[i]!;
      if (this.#ids[end] !== this.#unknownId) {
        out.push(this.#ids[end]!);
      } else {
        const start = bounds[i - 1]!;
        while (i + 1 < bounds.length && this.#ids[bounds[i + 1]!] === this.#unknownId) i += 1;
        // An unknown run that touches the end of an undecided path may go on.
        if (i + 1 === bounds.length && wanted !== Number.POSITIVE_INFINITY) break;
        this.#pushUnknown(word.slice(start, bounds[i]!), out);
      }
      if (out.length - before >= wanted) return true;
    }
    if (wanted === Number.POSITIVE_INFINITY) return true;
    out.rewind(before);
    return false;
  }

  /** Pushes ids of neighbouring unknown characters: one token if they are one together, or their bytes, or the unknown token. */
  #pushUnknown(text: string, out: TokenBuffer): void {
    const id = this.#trie.find(text);
    if (id >= 0) out.push(id);
    else if (this.#bytes?.push(text, out) !== true) out.push(this.#unknownId);
  }

  #unknownIds(text: string, work: Work): Int32Array {
    const ids = new TokenBuffer(Number.POSITIVE_INFINITY, work);
    this.#pushUnknown(text, ids);
    return ids.all();
  }
}

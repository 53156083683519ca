// The BPE model: merges of neighbouring symbols by rank. Only model.ts imports it.
// Same ids as models/bpe/{model,word}.rs of tokenizers 0.22.2, its treatment of stale queue entries included.

import { ByteTokens } from './byte-fallback.ts';
import { arrayAt, failModel, flag, type Json, optionalString, stringAt } from './json.ts';
import type { PlacedToken, TokenModel } from './model.ts';
import { NumberHeap } from './number-heap.ts';
import { PairRanks } from './pair-ranks.ts';
import type { TokenBuffer } from './token-buffer.ts';
import type { TokenTrie } from './token-trie.ts';
import { checkTokenCount, readVocabulary } from './vocabulary.ts';
import type { Work } from './work.ts';

/** Queue entries order by rank, then position; both fit one double. */
const POSITIONS = 2 ** 32;
/** Words up to this many units are remembered, this many of them. */
const CACHED_WORD_UNITS = 48;
const CACHED_WORDS = 30_000;
/** Words longer than this are only merged as far as the wanted ids need. */
const LONG_WORD_UNITS = 8192;
/** Units of a long word tried per wanted id; long unspaced words make 2 to 4 units a token. */
const UNITS_PER_ID = 8;

/** Symbols whose arrays stay for the next word. */
const KEPT_SYMBOLS = 131_072;

/** Where a symbol stands in its word, UTF-16 units. */
interface SymbolPlace {
  readonly start: number;
  end: number;
}

export class Bpe implements TokenModel {
  readonly size: number;
  readonly #trie: TokenTrie;
  readonly #ranks: PairRanks;
  /** Rank -> id the merge makes. */
  readonly #merged: Int32Array;
  readonly #unknown: string | null;
  readonly #prefix: string;
  readonly #suffix: string;
  readonly #fusesUnknown: boolean;
  /** Null without byte fallback. */
  readonly #bytes: ByteTokens | null;
  readonly #ignoresMerges: boolean;
  readonly #where: string;
  readonly #cache = new Map<string, Int32Array>();
  readonly #queue = new NumberHeap();
  /** Symbols of the word in work: id, neighbours, and whether it was merged away. */
  #symbols = new Int32Array(64);
  #previous = new Int32Array(64);
  #next = new Int32Array(64);
  #count = 0;

  constructor(config: Json, where: string) {
    const { trie, size } = readVocabulary(config.vocab, where);
    this.size = size;
    this.#trie = trie;
    this.#where = where;
    this.#unknown = optionalString(config.unk_token);
    this.#prefix = optionalString(config.continuing_subword_prefix) ?? '';
    this.#suffix = optionalString(config.end_of_word_suffix) ?? '';
    this.#fusesUnknown = flag(config.fuse_unk, false);
    this.#bytes = flag(config.byte_fallback, false) ? new ByteTokens(trie) : null;
    this.#ignoresMerges = flag(config.ignore_merges, false);
    const merges = arrayAt(config.merges, `${where}.merges`);
    checkTokenCount(merges.length, `${where}.merges`);
    this.#ranks = new PairRanks(merges.length);
    this.#merged = new Int32Array(merges.length);
    for (const [rank, merge] of merges.entries()) this.#addMerge(merge, rank);
  }

  tokenize(word: string, out: TokenBuffer): void {
    if (this.#ignoresMerges) {
      const id = this.#trie.find(word);
      if (id >= 0) {
        out.push(id);
        return;
      }
    }
    const cached = this.#cache.get(word);
    if (cached !== undefined) {
      out.pushAll(cached);
      return;
    }
    const ids = this.#longPrefix(word, out) ?? this.#merge(word, out.work);
    if (word.length <= CACHED_WORD_UNITS) {
      if (this.#cache.size >= CACHED_WORDS) this.#cache.clear();
      this.#cache.set(word, ids);
    }
    out.pushAll(ids);
  }

  readonly tokenizeBeginning = (beginning: string, out: TokenBuffer): boolean => {
    const ids = this.#longPrefix(beginning, out);
    if (ids !== null) out.pushAll(ids);
    return ids !== null;
  };

  /**
   * As the reference, which counts lengths, unless the vocabulary has neither an unknown token nor all bytes: then it counts on
   * from characters it left out, and these are the true places.
   */
  place(word: string, work: Work): PlacedToken[] {
    const whole = this.#ignoresMerges ? this.#trie.find(word) : -1;
    if (whole >= 0) return [{ id: whole, text: word, start: 0, end: word.length }];
    const places: SymbolPlace[] = [];
    this.#split(word, work, places);
    this.#mergeAll(work);
    const placed: PlacedToken[] = [];
    for (let at = this.#count === 0 ? -1 : 0; at >= 0; ) {
      const next = this.#next[at]!;
      const last = (next < 0 ? this.#count : next) - 1;
      const id = this.#symbols[at]!;
      placed.push({ id, text: this.#trie.textOf(id), start: places[at]!.start, end: places[last]!.end });
      at = next;
    }
    this.#shrink();
    return placed;
  }

  idOf(token: string): number {
    return this.#trie.find(token);
  }

  #addMerge(merge: unknown, rank: number): void {
    const where = `${this.#where}.merges[${rank}]`;
    // Older files write "left right".
    const [left, right] = (typeof merge === 'string' ? merge.split(' ') : arrayAt(merge, where)).map((part) =>
      stringAt(part, where),
    );
    if (left === undefined || right === undefined) failModel(where, 'two tokens are expected');
    const leftId = this.#trie.find(left);
    const rightId = this.#trie.find(right);
    const mergedId = this.#trie.find(left + right.slice(this.#prefix.length));
    if (leftId < 0 || rightId < 0 || mergedId < 0) failModel(where, 'a token of the merge is not in the vocabulary');
    this.#ranks.set(leftId, rightId, rank);
    this.#merged[rank] = mergedId;
  }

  #merge(word: string, work: Work): Int32Array {
    this.#split(word, work);
    this.#mergeAll(work);
    const ids = new Int32Array(this.#count);
    let length = 0;
    for (let at = this.#count === 0 ? -1 : 0; at >= 0; at = this.#next[at]!) {
      ids[length] = this.#symbols[at]!;
      length += 1;
    }
    this.#shrink();
    return ids.slice(0, length);
  }

  /**
   * The first ids of a long word, or null when it must be merged as a whole.
   *
   * No merge crosses a boundary that is left in the end, so the ids before it are those of the text before it. Some
   * boundary lies among any `longest` positions in a row: ids on which all prefixes that end there agree are final.
   */
  #longPrefix(word: string, { limit, length, work }: TokenBuffer): Int32Array | null {
    const wanted = limit - length;
    const end = wanted * UNITS_PER_ID + this.#trie.longest;
    const prefixes = this.#trie.longest + 1;
    if (word.length <= LONG_WORD_UNITS || prefixes * end >= word.length || this.#suffix !== '') return null;
    let agreed: Int32Array | null = null;
    for (let stop = end; stop > end - prefixes; stop -= 1) {
      if ((word.charCodeAt(stop) & 0xfc00) === 0xdc00) continue;
      const prefix = word.slice(0, stop);
      if (!this.#knowsAll(prefix)) return null;
      const ids = this.#merge(prefix, work);
      if (ids.length < wanted || (agreed !== null && !startsAlike(ids, agreed, wanted))) return null;
      agreed ??= ids;
    }
    return agreed === null ? null : agreed.slice(0, wanted);
  }

  /** Whether every character is a token: an unknown run has no bounded length. */
  #knowsAll(text: string): boolean {
    let isFirst = true;
    for (const char of text) {
      if (this.#trie.find(isFirst ? char : this.#prefix + char) < 0) return false;
      isFirst = false;
    }
    return true;
  }

  /**
   * The word's characters as symbols; what is not in the vocabulary becomes bytes, the unknown token, or nothing.
   *
   * @param places filled when given: the place of each symbol
   */
  #split(word: string, work: Work, places: SymbolPlace[] | null = null): void {
    this.#count = 0;
    let isUnknownOpen = false;
    for (let i = 0; i < word.length; ) {
      work.spend(1);
      const width = (word.charCodeAt(i) & 0xfc00) === 0xd800 ? 2 : 1;
      const start = i;
      let char = word.slice(i, i + width);
      if (i > 0) char = this.#prefix + char;
      i += width;
      if (i >= word.length) char += this.#suffix;
      const id = this.#trie.find(char);
      if (id >= 0) {
        this.#add(id);
        places?.push({ start, end: i });
        isUnknownOpen = false;
        continue;
      }
      const bytes = this.#bytes?.idsOf(char) ?? null;
      if (bytes !== null) {
        // The reference puts a pending unknown after the bytes that follow it: kept by #addBytes.
        this.#addBytes(bytes, isUnknownOpen);
        if (places !== null) for (const _ of bytes) places.splice(isUnknownOpen ? -1 : places.length, 0, { start, end: i });
      } else if (this.#unknown !== null && isUnknownOpen && this.#fusesUnknown) {
        if (places !== null) places.at(-1)!.end = i;
      } else if (this.#unknown !== null) {
        this.#addUnknown();
        places?.push({ start, end: i });
        isUnknownOpen = true;
      }
    }
  }

  #addUnknown(): void {
    const id = this.#trie.find(this.#unknown ?? '');
    if (id < 0) failModel(this.#where, 'unk_token is not in the vocabulary');
    this.#add(id);
  }

  #addBytes(bytes: readonly number[], isUnknownOpen: boolean): void {
    for (const id of bytes) this.#add(id);
    if (!isUnknownOpen) return;
    const last = this.#count - 1;
    const unknown = this.#symbols[last - bytes.length]!;
    this.#symbols.copyWithin(last - bytes.length, last - bytes.length + 1, this.#count);
    this.#symbols[last] = unknown;
  }

  #add(id: number): void {
    const at = this.#count;
    if (at === this.#symbols.length) this.#grow();
    this.#symbols[at] = id;
    this.#previous[at] = at - 1;
    this.#next[at] = -1;
    if (at > 0) this.#next[at - 1] = at;
    this.#count += 1;
  }

  #grow(): void {
    const grown = (from: Int32Array): Int32Array<ArrayBuffer> => {
      const to = new Int32Array(from.length * 2);
      to.set(from);
      return to;
    };
    this.#symbols = grown(this.#symbols);
    this.#previous = grown(this.#previous);
    this.#next = grown(this.#next);
  }

  /** One huge word does not keep its memory. */
  #shrink(): void {
    if (this.#symbols.length <= KEPT_SYMBOLS) return;
    this.#symbols = new Int32Array(64);
    this.#previous = new Int32Array(64);
    this.#next = new Int32Array(64);
    this.#queue.shrink();
  }

  #mergeAll(work: Work): void {
    const queue = this.#queue;
    queue.clear();
    for (let at = 0; at + 1 < this.#count; at += 1) {
      work.spend(1);
      this.#enqueue(at, at + 1);
    }
    while (!queue.isEmpty) {
      work.spend(1);
      const entry = queue.pop();
      const rank = Math.floor(entry / POSITIONS);
      this.#mergeAt(entry - rank * POSITIONS, this.#merged[rank]!);
    }
  }

  #enqueue(left: number, right: number): void {
    const rank = this.#ranks.get(this.#symbols[left]!, this.#symbols[right]!);
    if (rank >= 0) this.#queue.push(rank * POSITIONS + left);
  }

  /** Merges the symbol with its right neighbour, if that still makes `mergedId`: entries are not removed when they go stale. */
  #mergeAt(at: number, mergedId: number): void {
    if (this.#symbols[at]! < 0) return;
    const right = this.#next[at]!;
    if (right < 0) return;
    const rank = this.#ranks.get(this.#symbols[at]!, this.#symbols[right]!);
    if (rank < 0 || this.#merged[rank] !== mergedId) return;
    const after = this.#next[right]!;
    this.#symbols[at] = mergedId;
    this.#symbols[right] = -1;
    this.#next[at] = after;
    if (after >= 0) this.#previous[after] = at;
    if (this.#previous[at]! >= 0) this.#enqueue(this.#previous[at]!, at);
    if (after >= 0) this.#enqueue(at, after);
  }
}

function startsAlike(a: Int32Array, b: Int32Array, length: number): boolean {
  for (let i = 0; i < length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}

// Ids of the queries encoded last, so that a query is tokenised once and not once a batch. Only workers/pair-encoder and workers/tokenizer import it.

import { createHash } from 'node:crypto';
import { chunkEnd } from './tokenizer/text-sink.ts';
import type { TruncationSide } from './tokenizer/truncate.ts';
import type { Work } from './tokenizer/work.ts';

/** Queries that are remembered, and characters of their texts together. A longer text is known by its digest. */
export interface QueryBounds {
  readonly entries: number;
  readonly characters: number;
  readonly charactersOfOne: number;
}

export const QUERY_BOUNDS: QueryBounds = { entries: 32, characters: 4_000_000, charactersOfOne: 1_000_000 };

const HASHED_UNITS = 32_768;

/** Everything the ids of a text depend on, in one tokenizer. */
export interface EncodeKey {
  /** Ids wanted at most. */
  readonly limit: number;
  readonly side: TruncationSide;
}

interface Entry extends EncodeKey {
  readonly units: number;
  /** The text itself, or its digest. */
  readonly text: string | Buffer;
  readonly ids: Int32Array;
}

/** Latest used last. Texts are compared, not hashed: V8 hashes long strings by their length alone, so a Map of them is a list. */
export class EncodedQueries {
  readonly #bounds: QueryBounds;
  #entries: readonly Entry[] = [];

  constructor(bounds: QueryBounds = QUERY_BOUNDS) {
    this.#bounds = bounds;
  }

  /** Ids of the text: remembered, or made by `encode` and remembered. @throws NotWanted */
  get(text: string, key: EncodeKey, work: Work, encode: () => Int32Array): Int32Array {
    const known = text.length <= this.#bounds.charactersOfOne ? text : digestOf(text, work);
    work.spend(text.length);
    const found = this.#entries.find((entry) => isSame(entry, known, text.length, key));
    const entry = found ?? { ...key, units: text.length, text: known, ids: encode() };
    this.#entries = this.#kept([...this.#entries.filter((other) => other !== found), entry]);
    return entry.ids;
  }

  #kept(entries: readonly Entry[]): readonly Entry[] {
    let characters = 0;
    let first = entries.length;
    while (first > 0 && entries.length - first < this.#bounds.entries) {
      const { text } = entries[first - 1]!;
      characters += typeof text === 'string' ? text.length : 0;
      if (characters > this.#bounds.characters) break;
      first -= 1;
    }
    return first === 0 ? entries : entries.slice(first);
  }
}

function isSame(entry: Entry, known: string | Buffer, units: number, { limit, side }: EncodeKey): boolean {
  if (entry.limit !== limit || entry.side !== side || entry.units !== units) return false;
  return typeof known === 'string' ? entry.text === known : typeof entry.text !== 'string' && entry.text.equals(known);
}

/** SHA-256 of the text's UTF-16 units, lone surrogates included. */
function digestOf(text: string, work: Work): Buffer {
  const hash = createHash('sha256');
  for (let start = 0; start < text.length; ) {
    const end = chunkEnd(text, start, HASHED_UNITS);
    work.spend(end - start);
    hash.update(text.slice(start, end), 'utf16le');
    start = end;
  }
  return hash.digest();
}

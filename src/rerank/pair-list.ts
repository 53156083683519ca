// Pure: the pairs of a call, equal texts once.

import { isLong, TextTable } from './text-table.ts';
import { GRAIN_CHARACTERS, ITEM_CHARACTERS, type Steps } from './turns.ts';

export interface PairList {
  /**
   * Put before every query, never joined to them here: a long prompt and many queries would be as much text as their
   * product.
   */
  readonly prompt: string;
  readonly queries: readonly string[];
  /** null for a query that stands alone. */
  readonly documents: readonly (string | null)[];
  /** `[pairs x 2]`: index into queries, index into documents. */
  readonly pairs: Uint32Array;
}

/** One query with many documents. Equal documents share one entry. */
export function* rankPairs(query: string, documents: readonly string[], prompt = ''): Steps<PairList> {
  const pairs = new Uint32Array(2 * documents.length);
  const texts = new TextTable<string>();
  let spent = 0;
  for (let i = 0; i < documents.length; i += 1) {
    const text = documents[i]!;
    pairs[2 * i + 1] = isLong(text) ? yield* texts.addLong(text) : texts.add(text);
    spent += ITEM_CHARACTERS;
    if (spent < GRAIN_CHARACTERS) continue;
    yield spent;
    spent = 0;
  }
  return { prompt, queries: [query], documents: texts.texts, pairs };
}

/** Pairs of any texts. Equal texts share one entry. */
export function* listPairs(list: readonly (readonly [string, string | null])[], prompt = ''): Steps<PairList> {
  const pairs = new Uint32Array(2 * list.length);
  const queries = new TextTable<string>();
  const documents = new TextTable<string | null>();
  let spent = 0;
  for (let i = 0; i < list.length; i += 1) {
    const [query, document] = list[i]!;
    pairs[2 * i] = isLong(query) ? yield* queries.addLong(query) : queries.add(query);
    pairs[2 * i + 1] = isLong(document) ? yield* documents.addLong(document) : documents.add(document);
    spent += 2 * ITEM_CHARACTERS;
    if (spent < GRAIN_CHARACTERS) continue;
    yield spent;
    spent = 0;
  }
  return { prompt, queries: queries.texts, documents: documents.texts, pairs };
}

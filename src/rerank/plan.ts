// Pure: pairs -> batches of bounded work, similar lengths together, duplicates once.

import type { EncodeOptions, ModelSpec, PairBatch } from '../protocol.ts';
import { documentTokenLimit, estimateTokens, pairCost, pairWork } from './cost.ts';

export interface PairList {
  readonly queries: readonly string[];
  /** null for a query that stands alone. */
  readonly documents: readonly (string | null)[];
  /** `[pairs x 2]`: index into queries, index into documents. */
  readonly pairs: Uint32Array;
}

export interface PlanLimits {
  /** Cost units of one batch; a pair above it makes a batch of its own. */
  readonly batchCost: number;
  /** Pairs of one batch. */
  readonly batchPairs: number;
  /** Workers that could share the work; a small request is split among them. */
  readonly workers: number;
}

/** What a call will take, known before any batch is built. */
export interface Workload {
  /** `[distinct pairs x 2]`: index into queries, index into documents. */
  readonly distinct: Uint32Array;
  /** For each pair asked for: its distinct pair. */
  readonly distinctOf: Uint32Array;
  /** Estimated tokens of each distinct pair, of all its chunks together. */
  readonly tokens: Float64Array;
  /** Cost units of each distinct pair. */
  readonly costs: Float64Array;
  /** Cost units of the call. */
  readonly cost: number;
}

export interface Plan {
  readonly batches: readonly PairBatch[];
  /** For each batch: distinct pair of every row. */
  readonly rows: readonly Uint32Array[];
  /** For each pair asked for: its distinct pair. */
  readonly distinctOf: Uint32Array;
}

/** Splitting a small request further than this share of a full batch costs more in messages than it gains. */
const MIN_BATCH_SHARE = 0.1;

/** One query with many documents. Equal documents share one entry. */
export function rankPairs(query: string, documents: readonly string[]): PairList {
  const pairs = new Uint32Array(2 * documents.length);
  const texts = new TextTable<string>();
  documents.forEach((document, index) => {
    pairs[2 * index + 1] = texts.add(document);
  });
  return { queries: [query], documents: texts.texts, pairs };
}

/** Pairs of any texts. Equal texts share one entry. */
export function listPairs(list: readonly (readonly [string, string | null])[]): PairList {
  const pairs = new Uint32Array(2 * list.length);
  const queries = new TextTable<string>();
  const documents = new TextTable<string | null>();
  list.forEach(([query, document], index) => {
    pairs[2 * index] = queries.add(query);
    pairs[2 * index + 1] = documents.add(document);
  });
  return { queries: queries.texts, documents: documents.texts, pairs };
}

/** Finds the distinct pairs and estimates their work; enough to admit or refuse the call. */
export function estimate(list: PairList, spec: ModelSpec, encode: EncodeOptions): Workload {
  const { distinct, distinctOf } = distinctPairs(list);
  const maxLength = Math.min(spec.maxLength, encode.maxLength ?? spec.maxLength);
  const queryTokens = list.queries.map((text) => estimateTokens(text, maxLength));
  const documentLimit = documentTokenLimit(encode, maxLength);
  const documentTokens = list.documents.map((text) => (text === null ? 0 : estimateTokens(text, documentLimit)));
  const tokens = new Float64Array(distinct.length / 2);
  const costs = new Float64Array(distinct.length / 2);
  for (let i = 0; i < tokens.length; i += 1) {
    const work = pairWork(queryTokens[distinct[2 * i]!]!, documentTokens[distinct[2 * i + 1]!]!, encode, maxLength);
    tokens[i] = (work.rows - 1) * work.tokens + work.lastTokens;
    costs[i] = (work.rows - 1) * pairCost(work.tokens, spec.hiddenSize) + pairCost(work.lastTokens, spec.hiddenSize);
  }
  return { distinct, distinctOf, tokens, costs, cost: costs.reduce((sum, each) => sum + each, 0) };
}

/**
 * Plans a call. Every distinct pair is in exactly one batch; batches hold pairs of similar estimated length, longest first,
 * so that the last batches to finish are the cheap ones.
 */
export function plan(list: PairList, workload: Workload, encode: EncodeOptions, limits: PlanLimits): Plan {
  const { distinct, distinctOf, tokens, costs, cost } = workload;
  const order = Uint32Array.from(tokens.keys()).sort((a, b) => tokens[b]! - tokens[a]! || a - b);
  const share = Math.max(cost / Math.max(1, limits.workers), limits.batchCost * MIN_BATCH_SHARE);
  const rows = cut(order, costs, Math.min(limits.batchCost, share), limits.batchPairs);
  const batches = rows.map((row) => toBatch(list, distinct, row, costs, encode));
  return { batches, rows, distinctOf };
}

/** Numbers pairs by first appearance; equal pairs get the same number. */
function distinctPairs({ pairs, documents }: PairList): { distinct: Uint32Array; distinctOf: Uint32Array } {
  const count = pairs.length / 2;
  const numbers = new Map<number, number>();
  const distinct = new Uint32Array(pairs.length);
  const distinctOf = new Uint32Array(count);
  for (let i = 0; i < count; i += 1) {
    const key = pairs[2 * i]! * documents.length + pairs[2 * i + 1]!;
    let number = numbers.get(key);
    if (number === undefined) {
      number = numbers.size;
      numbers.set(key, number);
      distinct[2 * number] = pairs[2 * i]!;
      distinct[2 * number + 1] = pairs[2 * i + 1]!;
    }
    distinctOf[i] = number;
  }
  return { distinct: distinct.slice(0, 2 * numbers.size), distinctOf };
}

function cut(order: Uint32Array, costs: Float64Array, batchCost: number, batchPairs: number): Uint32Array[] {
  const rows: Uint32Array[] = [];
  let start = 0;
  let cost = 0;
  for (let i = 0; i < order.length; i += 1) {
    const next = costs[order[i]!]!;
    if (i > start && (cost + next > batchCost || i - start >= batchPairs)) {
      rows.push(order.slice(start, i));
      start = i;
      cost = 0;
    }
    cost += next;
  }
  if (start < order.length) rows.push(order.slice(start));
  return rows;
}

/** Only the texts a batch uses cross the thread boundary, each once. */
function toBatch(list: PairList, distinct: Uint32Array, row: Uint32Array, costs: Float64Array, encode: EncodeOptions): PairBatch {
  const queries = new Subset(list.queries);
  const documents = new Subset(list.documents);
  const pairs = new Uint32Array(2 * row.length);
  let cost = 0;
  row.forEach((pair, index) => {
    pairs[2 * index] = queries.add(distinct[2 * pair]!);
    pairs[2 * index + 1] = documents.add(distinct[2 * pair + 1]!);
    cost += costs[pair]!;
  });
  return { prompt: '', queries: queries.texts, documents: documents.texts, pairs, encode, cost };
}

/** Numbers texts by first appearance. */
class TextTable<Text> {
  readonly texts: Text[] = [];
  readonly #numbers = new Map<Text, number>();

  add(text: Text): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    this.#numbers.set(text, this.texts.length);
    return this.texts.push(text) - 1;
  }
}

/** Renumbers the used entries of a list. */
class Subset<Text> {
  readonly texts: Text[] = [];
  readonly #all: readonly Text[];
  readonly #numbers = new Map<number, number>();

  constructor(all: readonly Text[]) {
    this.#all = all;
  }

  add(index: number): number {
    const known = this.#numbers.get(index);
    if (known !== undefined) return known;
    this.#numbers.set(index, this.texts.length);
    return this.texts.push(this.#all[index]!) - 1;
  }
}

// Pure: what a call will take, known before any batch is built.

import { pairCost, pairLimit } from '../pair-size.ts';
import type { EncodeOptions, ModelSpec, SessionFacts } from '../protocol.ts';
import {
  charactersRead,
  checkedCost,
  documentTokenLimit,
  estimateTokens,
  estimateTokensInSteps,
  isLongToEstimate,
  pairWork,
  type ReadRule,
} from './cost.ts';
import type { PairList } from './pair-list.ts';
import { GRAIN_CHARACTERS, ITEM_CHARACTERS, type Steps } from './turns.ts';

/** What a price depends on. */
export type PricedModel = Pick<ModelSpec, 'maxLength' | 'hiddenSize'> & Pick<SessionFacts, 'specialTokens'>;

export interface Workload {
  /** `[distinct pairs x 2]`: index into queries, index into documents. */
  readonly distinct: Uint32Array;
  /** For each pair asked for: its distinct pair. */
  readonly distinctOf: Uint32Array;
  /** Estimated tokens of each distinct pair, of all its chunks together. */
  readonly tokens: Float64Array;
  /** Cost units of each distinct pair in the model. */
  readonly costs: Float64Array;
  /** Characters by which each query, with its prompt, and each document is priced. */
  readonly queryCharacters: Float64Array;
  readonly documentCharacters: Float64Array;
}

/** Finds the distinct pairs and estimates their work. @throws RerankError `internal` on a cost that is no number */
export function* estimate(list: PairList, model: PricedModel, encode: EncodeOptions): Steps<Workload> {
  const budget = pairLimit(model.maxLength, encode.maxLength, model.specialTokens) - model.specialTokens;
  const documentLimit = documentTokenLimit(encode, budget);
  const prompt = yield* promptTokens(list.prompt, budget);
  const queryTokens = yield* tokensOfAll(list.queries, budget);
  const documentTokens = yield* tokensOfAll(list.documents, documentLimit);
  const { distinct, distinctOf } = yield* distinctPairs(list);
  const tokens = new Float64Array(distinct.length / 2);
  const costs = new Float64Array(distinct.length / 2);
  for (let i = 0; i < tokens.length; i += 1) {
    const query = Math.min(budget, queryTokens[distinct[2 * i]!]! + prompt);
    const work = pairWork(query, documentTokens[distinct[2 * i + 1]!]!, encode, budget);
    const [row, last] = [work.tokens + model.specialTokens, work.lastTokens + model.specialTokens];
    tokens[i] = (work.rows - 1) * row + last;
    costs[i] = checkedCost((work.rows - 1) * pairCost(row, model.hiddenSize) + pairCost(last, model.hiddenSize));
    if (i % 1024 === 1023) yield 1024 * ITEM_CHARACTERS;
  }
  // Where an odd token goes to the longer text, both are read to the end of the shorter one.
  const isReadWhole = budget % 2 === 1 && prompt + largest(queryTokens) >= budget;
  const rule = { side: encode.truncationSide, isReadWhole };
  const queryCharacters = yield* charactersOfAll(list.prompt, list.queries, { ...rule, tokenLimit: budget });
  const documentCharacters = yield* charactersOfAll('', list.documents, { ...rule, tokenLimit: documentLimit });
  return { distinct, distinctOf, tokens, costs, queryCharacters, documentCharacters };
}

/**
 * Least cost of a call, whatever its batches are: the model's, and each text read once, the queries by every worker.
 *
 * @param costPerCharacter cost units
 */
export function leastCost(workload: Workload, costPerCharacter: number, workers: number): number {
  const { costs, queryCharacters, documentCharacters } = workload;
  const readers = Math.min(workers, costs.length);
  return checkedCost(sum(costs) + Math.ceil(costPerCharacter * (sum(documentCharacters) + readers * sum(queryCharacters))));
}

export function sum(values: Float64Array): number {
  let total = 0;
  for (let i = 0; i < values.length; i += 1) total += values[i]!;
  return total;
}

/** A prompt joins the text behind it, so the one token that every text has at least is not counted twice. */
function* promptTokens(prompt: string, budget: number): Steps<number> {
  return prompt === '' ? 0 : (yield* estimateTokensInSteps(prompt, budget + 1)) - 1;
}

/** 0 for a text that is not there. */
function* tokensOfAll(texts: readonly (string | null)[], limit: number): Steps<Float64Array> {
  const tokens = new Float64Array(texts.length);
  let spent = 0;
  for (let i = 0; i < texts.length; i += 1) {
    const text = texts[i]!;
    if (text === null) continue;
    const long = isLongToEstimate(text);
    tokens[i] = long ? yield* estimateTokensInSteps(text, limit) : estimateTokens(text, limit);
    spent += ITEM_CHARACTERS + (long ? 0 : text.length);
    if (spent < GRAIN_CHARACTERS) continue;
    yield spent;
    spent = 0;
  }
  return tokens;
}

/** @param prompt put before each text */
function* charactersOfAll(prompt: string, texts: readonly (string | null)[], rule: ReadRule): Steps<Float64Array> {
  const characters = new Float64Array(texts.length);
  for (let i = 0; i < texts.length; i += 1) {
    characters[i] = charactersRead(prompt, texts[i] ?? '', rule);
    if (i % 128 === 127) yield 128 * ITEM_CHARACTERS;
  }
  return characters;
}

function largest(values: Float64Array): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}

/** Numbers pairs by first appearance; equal pairs get the same number. */
function* distinctPairs(list: PairList): Steps<{ distinct: Uint32Array; distinctOf: Uint32Array }> {
  const { pairs, documents } = list;
  if (list.queries.length === 1) return pairsOfOneQuery(list);
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
    if (i % 1024 === 1023) yield 1024 * ITEM_CHARACTERS;
  }
  return { distinct: distinct.slice(0, 2 * numbers.size), distinctOf };
}

/** Documents are numbered by first appearance, and so are their pairs. */
function pairsOfOneQuery({ pairs, documents }: PairList): { distinct: Uint32Array; distinctOf: Uint32Array } {
  const distinct = new Uint32Array(2 * documents.length);
  for (let i = 0; i < documents.length; i += 1) distinct[2 * i + 1] = i;
  const distinctOf = new Uint32Array(pairs.length / 2);
  for (let i = 0; i < distinctOf.length; i += 1) distinctOf[i] = pairs[2 * i + 1]!;
  return { distinct, distinctOf };
}

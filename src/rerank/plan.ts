// Pure: pairs -> batches of bounded work, similar lengths together, duplicates once.

import type { EncodeOptions, PairBatch } from '../protocol.ts';
import { leastCost, sum, type Workload } from './estimate.ts';
import type { PairList } from './pair-list.ts';
import { sortedInSteps } from './sorted.ts';
import { ITEM_CHARACTERS, type Steps } from './turns.ts';

export interface PlanLimits {
  /** Cost units of one batch; a pair above it makes a batch of its own. */
  readonly batchCost: number;
  /** Pairs of one batch. */
  readonly batchPairs: number;
  /** Workers that could share the work; a small request is split among them. */
  readonly workers: number;
  /** Cost units of reading one character. */
  readonly costPerCharacter: number;
}

export interface Plan {
  readonly batches: readonly PairBatch[];
  /** For each batch: distinct pair of every row. */
  readonly rows: readonly Uint32Array[];
  /** For each pair asked for: its distinct pair. */
  readonly distinctOf: Uint32Array;
  /** Cost units of all batches. */
  readonly cost: number;
}

/** Splitting a small request further than this share of a full batch costs more in messages than it gains. */
const MIN_BATCH_SHARE = 0.1;

/**
 * Plans a call. Every distinct pair is in exactly one batch; batches hold pairs of similar estimated length, longest
 * first, so that the last batches to finish are the cheap ones.
 */
export function* plan(list: PairList, workload: Workload, encode: EncodeOptions, limits: PlanLimits): Steps<Plan> {
  const { batchCost, workers, costPerCharacter } = limits;
  const order = yield* longestFirst(workload.tokens);
  const cost = leastCost(workload, costPerCharacter, workers);
  // One more, so that a fraction lost in the division does not make a further batch.
  const share = Math.max(1 + cost / Math.max(1, workers), batchCost * MIN_BATCH_SHARE);
  const cuts = yield* new Cutter(workload, { ...limits, batchCost: Math.min(batchCost, share) }).cut(order);
  const batches: PairBatch[] = [];
  for (const each of cuts) {
    batches.push(toBatch(list, workload.distinct, each, encode));
    yield 2 * ITEM_CHARACTERS * each.row.length;
  }
  const rows = cuts.map(({ row }) => row);
  return { batches, rows, distinctOf: workload.distinctOf, cost: sum(Float64Array.from(batches, (batch) => batch.cost)) };
}

/** Numbers that a sort without a comparison function orders in some 10 ms. */
const QUICKLY_SORTED = 131_072;

/**
 * Pairs by falling length, then by number. One float a pair is sorted in a sixth of the time that a comparison function
 * takes.
 */
function* longestFirst(tokens: Float64Array): Steps<Uint32Array> {
  const count = tokens.length;
  if (count > QUICKLY_SORTED) return yield* sortedInSteps(count, (a, b) => tokens[b]! - tokens[a]! || a - b);
  yield (count * ITEM_CHARACTERS) / 2;
  const keys = new Float64Array(count);
  for (let pair = 0; pair < count; pair += 1) keys[pair] = pair - tokens[pair]! * count;
  keys.sort();
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i += 1) order[i] = ((keys[i]! % count) + count) % count;
  return order;
}

/** A batch before it has its texts. */
interface Cut {
  readonly row: Uint32Array;
  readonly modelCost: number;
  readonly readingCost: number;
  readonly characters: number;
}

/**
 * Cuts an order of pairs into batches. A text is priced once in each batch it is in, a query in no more batches than
 * there are workers.
 */
class Cutter {
  readonly #workload: Workload;
  readonly #limits: PlanLimits;
  /** Number of the last batch that each text was put into. */
  readonly #queryIn: Uint32Array;
  readonly #documentIn: Uint32Array;
  readonly #readsOfQuery: Uint32Array;
  #number = 1;
  #modelCost = 0;
  #characters = 0;

  constructor(workload: Workload, limits: PlanLimits) {
    this.#workload = workload;
    this.#limits = limits;
    this.#queryIn = new Uint32Array(workload.queryCharacters.length);
    this.#documentIn = new Uint32Array(workload.documentCharacters.length);
    this.#readsOfQuery = new Uint32Array(workload.queryCharacters.length);
  }

  *cut(order: Uint32Array): Steps<readonly Cut[]> {
    const cuts: Cut[] = [];
    let start = 0;
    for (let i = 0; i < order.length; i += 1) {
      if (i > start && !this.#fits(order[i]!, i - start)) {
        cuts.push(this.#finish(order.slice(start, i)));
        start = i;
      }
      this.#take(order[i]!);
      if (i % 1024 === 1023) yield 1024 * ITEM_CHARACTERS;
    }
    if (start < order.length) cuts.push(this.#finish(order.slice(start)));
    return cuts;
  }

  #fits(pair: number, pairs: number): boolean {
    const { batchCost, batchPairs, costPerCharacter } = this.#limits;
    const characters = this.#characters + this.#newCharacters(pair);
    const cost = this.#modelCost + this.#workload.costs[pair]! + characters * costPerCharacter;
    return cost <= batchCost && pairs < batchPairs;
  }

  #newCharacters(pair: number): number {
    const { distinct, queryCharacters, documentCharacters } = this.#workload;
    const [query, document] = [distinct[2 * pair]!, distinct[2 * pair + 1]!];
    const isQueryRead = this.#queryIn[query] === this.#number || this.#readsOfQuery[query]! >= this.#limits.workers;
    return (
      (isQueryRead ? 0 : queryCharacters[query]!) +
      (this.#documentIn[document] === this.#number ? 0 : documentCharacters[document]!)
    );
  }

  #take(pair: number): void {
    const { distinct, costs } = this.#workload;
    const [query, document] = [distinct[2 * pair]!, distinct[2 * pair + 1]!];
    this.#modelCost += costs[pair]!;
    this.#characters += this.#newCharacters(pair);
    if (this.#queryIn[query] !== this.#number) this.#readsOfQuery[query]! += 1;
    this.#queryIn[query] = this.#number;
    this.#documentIn[document] = this.#number;
  }

  #finish(row: Uint32Array): Cut {
    const { costPerCharacter } = this.#limits;
    const [modelCost, characters] = [this.#modelCost, this.#characters];
    this.#number += 1;
    this.#modelCost = 0;
    this.#characters = 0;
    return { row, modelCost, characters, readingCost: Math.ceil(characters * costPerCharacter) };
  }
}

/** Only the texts a batch uses cross the thread boundary, each once. */
function toBatch(list: PairList, distinct: Uint32Array, cut: Cut, encode: EncodeOptions): PairBatch {
  const queries = new Subset(list.queries);
  const documents = new Subset(list.documents);
  const pairs = new Uint32Array(2 * cut.row.length);
  for (let index = 0; index < cut.row.length; index += 1) {
    const pair = cut.row[index]!;
    pairs[2 * index] = queries.add(distinct[2 * pair]!);
    pairs[2 * index + 1] = documents.add(distinct[2 * pair + 1]!);
  }
  const reading = { characters: cut.characters, cost: cut.readingCost };
  const cost = cut.modelCost + cut.readingCost;
  return { queries: queries.texts, documents: documents.texts, pairs, encode, prompt: list.prompt, cost, reading };
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

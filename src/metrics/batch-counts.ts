// What batches and the life of workers leave behind.

import type { BatchReport, PoolEvent } from '../pool/worker-pool.ts';
import type { BatchScores } from '../protocol.ts';
import { OWN_SERIES } from './own-series.ts';
import type { Labels, SeriesRegistry } from './registry.ts';
import type { Series } from './series.ts';
import { TE_SERIES } from './te-series.ts';

export class BatchCounts {
  readonly #model: Labels;
  readonly #record: ReturnType<typeof register>;

  /** @param maxInputLength tokens; buckets beyond it could never fill */
  constructor(registry: SeriesRegistry, model: Labels, maxInputLength: number) {
    this.#model = model;
    this.#record = register(registry, model, maxInputLength);
  }

  readonly batch = ({ scores, queueMs, busyMs }: BatchReport): void => {
    this.#record.busySeconds(this.#model, busyMs / 1000);
    if (scores !== null) this.#countScores(scores, queueMs);
  };

  readonly event = ({ kind }: PoolEvent): void => {
    if (kind === 'worker_died') this.#record.deaths(this.#model, 1);
    if (kind === 'worker_lost') this.#record.losses(this.#model, 1);
    if (kind === 'rebuilt') this.#record.rebuilds(this.#model, 1);
  };

  #countScores({ tokenCounts, tokenSlots, runs, tokenizationMs, inferenceMs }: BatchScores, queueMs: number): void {
    const model = this.#model;
    const record = this.#record;
    const tokens = tokenCounts.reduce((sum, count) => sum + count, 0);
    record.tokens(model, tokens);
    record.tokenSlots(model, tokenSlots);
    record.runs(model, runs);
    record.batchSize(model, tokenCounts.length);
    record.batchSlots(model, tokenSlots);
    record.batchTokens(model, tokens);
    for (const count of tokenCounts) record.inputLength(model, count);
    record.predictQueue(model, queueMs / 1000);
    record.predictTokenization(model, tokenizationMs / 1000);
    record.predictInference(model, inferenceMs / 1000);
    record.predictDuration(model, (queueMs + tokenizationMs + inferenceMs) / 1000);
  }
}

function register(registry: SeriesRegistry, model: Labels, maxInputLength: number) {
  const add = (series: Series) => registry.add(series, [model]);
  const lengths = TE_SERIES.inputLength.buckets.filter((bound) => bound <= maxInputLength);
  return {
    inputLength: add({ ...TE_SERIES.inputLength, buckets: lengths }),
    predictDuration: add(TE_SERIES.predictDuration),
    predictTokenization: add(TE_SERIES.predictTokenization),
    predictQueue: add(TE_SERIES.predictQueue),
    predictInference: add(TE_SERIES.predictInference),
    batchSize: add(TE_SERIES.batchSize),
    batchSlots: add(TE_SERIES.batchSlots),
    batchTokens: add(OWN_SERIES.batchTokens),
    busySeconds: add(OWN_SERIES.busySeconds),
    tokens: add(OWN_SERIES.tokens),
    tokenSlots: add(OWN_SERIES.tokenSlots),
    runs: add(OWN_SERIES.runs),
    deaths: add(OWN_SERIES.deaths),
    losses: add(OWN_SERIES.losses),
    rebuilds: add(OWN_SERIES.rebuilds),
  };
}

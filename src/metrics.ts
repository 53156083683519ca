// What the server counts of itself, and how Prometheus reads it. The command line makes one a process; there is no global registry.

import { BatchCounts } from './metrics/batch-counts.ts';
import { registerProcessCounts } from './metrics/process-counts.ts';
import { CONTENT_TYPE, type MetricsSnapshot, SeriesRegistry } from './metrics/registry.ts';
import { RequestCounts } from './metrics/request-counts.ts';
import { type GaugeLimits, StateGauges, type WatchedState } from './metrics/state-gauges.ts';
import type { BatchReport, PoolEvent } from './pool/worker-pool.ts';

export { addEnded } from './metrics/ended.ts';
export { processCounts } from './metrics/process-counts.ts';
export { type MetricsSnapshot, mergeSnapshots } from './metrics/registry.ts';

/** The series of one process as others read them. */
export interface Metrics {
  /** Media type of {@link text}. */
  readonly contentType: string;
  /** In Prometheus' text format. */
  text(): Promise<string>;
  /** Plain JSON, for {@link mergeSnapshots} in another process. */
  snapshot(): Promise<MetricsSnapshot>;
}

export interface MetricsOptions extends GaugeLimits {
  /** Name callers know the model by. */
  readonly modelName: string;
  /** Every dialect's name; there is no other value of that label. */
  readonly dialects: readonly string[];
  /** Longest pair of the model, tokens. */
  readonly maxInputLength: number;
}

/** All series exist from here on, each listed combination of labels with 0. */
export class ServerMetrics implements Metrics {
  readonly contentType = CONTENT_TYPE;
  /** Told of requests by the HTTP front end. */
  readonly requests: RequestCounts;
  readonly #batches: BatchCounts;
  readonly #registry = new SeriesRegistry();
  readonly #gauges: StateGauges;

  constructor({ modelName, dialects, maxInputLength, ...limits }: MetricsOptions) {
    const model = { model: modelName };
    this.requests = new RequestCounts(this.#registry, model, dialects);
    this.#batches = new BatchCounts(this.#registry, model, maxInputLength);
    registerProcessCounts(this.#registry, model);
    this.#gauges = new StateGauges(this.#registry, model, limits);
  }

  /** Names what the gauges read; until then they are 0. */
  watch(state: WatchedState): void {
    this.#gauges.watch(state);
  }

  /** Told of every batch that left a worker. */
  readonly onBatch = (batch: BatchReport): void => this.#batches.batch(batch);

  /** Told of deaths and rebuilds. */
  readonly onPoolEvent = (event: PoolEvent): void => this.#batches.event(event);

  text(): Promise<string> {
    this.#gauges.refresh();
    return this.#registry.text();
  }

  snapshot(): Promise<MetricsSnapshot> {
    this.#gauges.refresh();
    return this.#registry.snapshot();
  }
}

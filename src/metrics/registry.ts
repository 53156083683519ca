// The key to prom-client: series as data -> an exposition, a snapshot that can cross to another process, and the merging of snapshots.

import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Merge, Series } from './series.ts';

export type Labels = Readonly<Record<string, string>>;

/** Adds to a counter, sets a gauge, or observes into a histogram. */
export type Recorder = (labels: Labels, value: number) => void;

/** One series with its values at a moment; plain JSON, so that it can be sent to another process. */
export interface SeriesSnapshot {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly aggregator: string;
  readonly values: readonly { readonly value: number; readonly labels: object; readonly metricName?: string }[];
}

/** All series of a process. */
export type MetricsSnapshot = readonly SeriesSnapshot[];

/** The text format of Prometheus, 0.0.4. */
export const CONTENT_TYPE: string = Registry.PROMETHEUS_CONTENT_TYPE;

/** prom-client averages these; of several processes the slowest is the one to see. */
const WORST: readonly string[] = [
  'nodejs_eventloop_lag_seconds',
  'nodejs_eventloop_lag_p90_seconds',
  'nodejs_eventloop_lag_p99_seconds',
];

/** Counts of libuv handles under names that Prometheus' conventions forbid, renewed label by label; nobody needs them. */
const UNWANTED: readonly string[] = ['resources', 'handles', 'requests'].flatMap((what) => [
  `nodejs_active_${what}`,
  `nodejs_active_${what}_total`,
]);

/** Kinds of garbage collection; prom-client shows each only once it has happened. */
const GC_KINDS = ['major', 'minor', 'incremental', 'weakcb'] as const;

/** The series of one process, those of the process itself (`process_*`, `nodejs_*`) included. */
export class SeriesRegistry {
  readonly #registry = new Registry();

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
    for (const name of UNWANTED) this.#registry.removeSingleMetric(name);
    const collections = this.#registry.getSingleMetric('nodejs_gc_duration_seconds');
    if (collections instanceof Histogram) for (const kind of GC_KINDS) collections.zero({ kind });
    for (const name of WORST) Object.assign(this.#registry.getSingleMetric(name) ?? {}, { aggregator: 'max' satisfies Merge });
  }

  /**
   * Registers a series.
   *
   * @param zeros every combination of labels that is shown with 0 before anything happened
   */
  add(series: Series, zeros: readonly Labels[]): Recorder {
    const { name, help, labels, merge } = series;
    const options = { name, help, labelNames: labels, registers: [this.#registry], aggregator: merge };
    switch (series.type) {
      case 'counter': {
        const counter = new Counter(options);
        for (const labels of zeros) counter.inc(labels, 0);
        return (labels, value) => counter.inc(labels, value);
      }
      case 'gauge': {
        const gauge = new Gauge(options);
        for (const labels of zeros) gauge.set(labels, 0);
        return (labels, value) => gauge.set(labels, value);
      }
      case 'histogram': {
        const histogram = new Histogram({ ...options, buckets: [...series.buckets] });
        for (const labels of zeros) histogram.zero(labels);
        return (labels, value) => histogram.observe(labels, value);
      }
    }
  }

  /** Forgets the label combinations of a series. */
  reset({ name }: Series): void {
    this.#registry.getSingleMetric(name)?.reset();
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  async snapshot(): Promise<MetricsSnapshot> {
    const all = (await this.#registry.getMetricsAsJSON()) as unknown as MetricsSnapshot;
    return all.map((series) => ({ ...series, values: series.values.map(toJsonSafe) }));
  }
}

/** JSON has no NaN; the delays of an event loop that was not yet measured are one. */
function toJsonSafe<Value extends { readonly value: number }>(value: Value): Value {
  return Number.isFinite(value.value) ? value : { ...value, value: 0 };
}

/**
 * The exposition of several processes: counters and histograms summed, gauges as each says.
 *
 * @param snapshots at least one
 */
export async function mergeSnapshots(snapshots: readonly MetricsSnapshot[]): Promise<string> {
  return AggregatorRegistry.aggregate(snapshots as unknown as object[]).metrics();
}

// What processes that have ended counted: it stays in the sums, or counters would fall when a process is replaced. Pure.

import type { MetricsSnapshot, SeriesSnapshot } from './registry.ts';

/**
 * Adds the counts of one more process that ended. Its gauges ended with it.
 *
 * @param sum of those before it; null for the first
 */
export function addEnded(sum: MetricsSnapshot | null, snapshot: MetricsSnapshot): MetricsSnapshot {
  const counts = snapshot.filter(({ type }) => type === 'counter' || type === 'histogram');
  const before = new Map((sum ?? []).map((series) => [series.name, series]));
  return counts.map((series) => addSeries(before.get(series.name), series));
}

function addSeries(before: SeriesSnapshot | undefined, series: SeriesSnapshot): SeriesSnapshot {
  const values = new Map<string, SeriesSnapshot['values'][number]>();
  for (const each of [...(before?.values ?? []), ...series.values]) {
    const key = JSON.stringify([each.metricName, Object.entries(each.labels).sort()]);
    values.set(key, { ...each, value: each.value + (values.get(key)?.value ?? 0) });
  }
  return { ...series, values: [...values.values()] };
}

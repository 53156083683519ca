// Processes that were replaced: the primary counts them, whichever process is asked shows them.

import { OWN_SERIES } from './own-series.ts';
import type { Labels, MetricsSnapshot, SeriesRegistry } from './registry.ts';

const REASONS = ['ended', 'silent', 'not_ready'] as const;

/** Why a process was replaced. */
export type ReplacedFor = (typeof REASONS)[number];

/** A serving process has none to count; it shows that there are such counts. */
export function registerProcessCounts(registry: SeriesRegistry, model: Labels): void {
  registry.add(
    OWN_SERIES.replaced,
    REASONS.map((reason) => ({ ...model, reason })),
  );
}

/** The primary's account: the counts of all processes, to be merged with the snapshots of those that serve. */
export function processCounts(modelName: string, counts: Readonly<Record<ReplacedFor, number>>): MetricsSnapshot {
  const { name, help, type, merge } = OWN_SERIES.replaced;
  const values = REASONS.map((reason) => ({ labels: { model: modelName, reason }, value: counts[reason] }));
  return [{ name, help, type, aggregator: merge, values }];
}

// Pure: records of a load -> what a person wants to know of it.

import { percentile, significant } from '../statistics.ts';
import type { LoadRecord } from './open-loop.ts';

/** Requests whose outcome fell into it are counted. ms from the start of the load. */
export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Latencies {
  readonly count: number;
  readonly p50_ms: number;
  readonly p95_ms: number;
  readonly p99_ms: number;
  readonly max_ms: number;
}

export interface LoadSummary {
  readonly seconds: number;
  /** Arrivals planned in the window, a second. */
  readonly offered_per_second: number;
  /** Right answers within the deadline, a second. */
  readonly goodput_per_second: number;
  readonly goodput_documents_per_second: number;
  /** Status, or the error's name -> requests. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Answered, but not as expected and not refused. */
  readonly wrong: number;
  /** Answers of 200, by class and together as `all`; from the planned arrival. */
  readonly accepted: Readonly<Record<string, Latencies>>;
  /** 429 and 503; from the planned arrival. */
  readonly refused: Latencies & { readonly without_retry_after: number };
  /** How late the generator sent what was planned. */
  readonly generator_late_p99_ms: number;
}

const REFUSALS: readonly (number | null)[] = [429, 503];

/** @param deadlineMs right answers later than this after their planned arrival are no goodput */
export function summarize(records: readonly LoadRecord[], { fromMs, toMs }: Window, deadlineMs: number): LoadSummary {
  const inside = records.filter(({ endedMs }) => endedMs >= fromMs && endedMs < toMs);
  const seconds = (toMs - fromMs) / 1000;
  const good = inside.filter((record) => record.right && latencyOf(record) <= deadlineMs);
  const refused = inside.filter(({ status }) => REFUSALS.includes(status));
  return {
    seconds: significant(seconds),
    offered_per_second: significant(records.filter((r) => r.scheduledMs >= fromMs && r.scheduledMs < toMs).length / seconds),
    goodput_per_second: significant(good.length / seconds),
    goodput_documents_per_second: significant(good.reduce((sum, { documents }) => sum + documents, 0) / seconds),
    outcomes: countOutcomes(inside),
    wrong: inside.filter(isWrong).length,
    accepted: byClass(inside.filter(({ status }) => status === 200)),
    refused: { ...latencies(refused), without_retry_after: refused.filter(({ retryAfter }) => !retryAfter).length },
    generator_late_p99_ms: significant(percentile(inside.map(lateness), 0.99)),
  };
}

/** An answer that is neither the expected one nor an honest refusal. */
export function isWrong({ status, right, error }: LoadRecord): boolean {
  return error === null && !right && !REFUSALS.includes(status) && status !== 504;
}

export function latencyOf({ scheduledMs, endedMs }: LoadRecord): number {
  return endedMs - scheduledMs;
}

export function latencies(records: readonly LoadRecord[]): Latencies {
  const values = records.map(latencyOf);
  return {
    count: values.length,
    p50_ms: significant(percentile(values, 0.5)),
    p95_ms: significant(percentile(values, 0.95)),
    p99_ms: significant(percentile(values, 0.99)),
    max_ms: significant(percentile(values, 1)),
  };
}

/** Status, or the error's name -> requests. */
export function countOutcomes(records: readonly LoadRecord[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status, error } of records) {
    const key = String(status ?? error);
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

function byClass(records: readonly LoadRecord[]): Record<string, Latencies> {
  const labels = [...new Set(records.map(({ label }) => label))].sort();
  const classes = labels.map((label) => [label, latencies(records.filter((record) => record.label === label))] as const);
  return { all: latencies(records), ...Object.fromEntries(classes) };
}

function lateness({ scheduledMs, startedMs }: LoadRecord): number {
  return startedMs - scheduledMs;
}

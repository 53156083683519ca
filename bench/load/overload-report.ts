// Pure: figures of part `load` -> tables, wanted figures, chart.

import { atLeast, atMost, type BenchContext, type PartResult, type Wanted } from '../part.ts';
import type { LinePanel } from '../report/line-panel.ts';
import type { Row } from '../report/table.ts';
import { significant } from '../statistics.ts';
import { DEADLINE_SECONDS, type LoadFigures, QUEUE_SECONDS, type RateFigures } from './measure-rates.ts';

const REFUSAL_MS = 50;
const FLAT = 1.1;

export function overloadResult(figures: readonly LoadFigures[], { cores }: BenchContext): PartResult {
  return {
    tables: figures.map(({ model, capacity, rates }) => ({
      title: `load: ${model}, capacity ${Math.round(capacity.documents_per_second)} documents/s, ${cores} workers`,
      rows: rates.map(rateRow),
    })),
    wanted: figures.flatMap(wanted),
    charts: [
      {
        name: 'load',
        title: 'Below and above capacity, open loop',
        subtitle: `20-50 documents a request, Poisson arrivals, at most ${QUEUE_SECONDS} s queued, deadline ${DEADLINE_SECONDS} s`,
        panels: figures.flatMap(panels),
      },
    ],
    results: {
      note: `Latencies count from the planned arrival. Goodput: right answers within ${DEADLINE_SECONDS} s. The load generator runs on the cores it measures.`,
      max_queue_seconds: QUEUE_SECONDS,
      deadline_seconds: DEADLINE_SECONDS,
      models: figures,
    },
  };
}

function rateRow(rate: RateFigures): Row {
  const { all } = rate.accepted;
  return {
    'of capacity %': 100 * rate.share,
    'offered/s': rate.offered_per_second,
    'good/s': rate.goodput_per_second,
    'good documents/s': rate.goodput_documents_per_second,
    'p50 ms': all!.p50_ms,
    'p99 ms': all!.p99_ms,
    refused: rate.refused.count,
    'refused p99 ms': finite(rate.refused.p99_ms),
    'no Retry-After': rate.refused.without_retry_after,
    wrong: rate.wrong,
    outcomes: Object.entries(rate.outcomes)
      .map(([outcome, count]) => `${outcome}: ${count}`)
      .join(', '),
    'generator late p99 ms': rate.generator_late_p99_ms,
    'generator cores': rate.generator_cores,
    'server cores': rate.server_cores,
  };
}

function wanted({ model, capacity, rates, rss_last_over_first }: LoadFigures): Wanted[] {
  const best = Math.max(capacity.documents_per_second, ...rates.map((rate) => rate.goodput_documents_per_second));
  const highest = rates.at(-1)!;
  const refusals = rates.filter(({ refused }) => refused.count > 0);
  const name = (what: string): string => `${model}: ${what}`;
  return [
    atLeast(
      name(`goodput at ${100 * highest.share} % of capacity over the best of any load`),
      significant(highest.goodput_documents_per_second / best),
      0.9,
    ),
    atMost(
      name('p99 of accepted requests at any rate, s'),
      significant(Math.max(...rates.map(({ accepted }) => accepted['all']!.p99_ms)) / 1000),
      DEADLINE_SECONDS,
    ),
    atMost(
      name('p99 of refusals at any rate, ms'),
      refusals.length === 0 ? null : Math.max(...refusals.map(({ refused }) => refused.p99_ms)),
      REFUSAL_MS,
    ),
    atMost(name('refusals without Retry-After'), sum(rates.map(({ refused }) => refused.without_retry_after)), 0),
    atMost(name('wrong answers and lost requests'), sum(rates.map(lost)), 0),
    atMost(name('memory of the last third of the load over the first'), finite(rss_last_over_first), FLAT),
  ];
}

/** Neither answered as expected, nor refused, nor told that the deadline had passed. */
function lost({ wrong, outcomes }: RateFigures): number {
  const silent = Object.entries(outcomes).filter(([outcome]) => !/^\d+$/.test(outcome));
  return wrong + sum(silent.map(([, count]) => count));
}

function panels({ model, capacity, rates }: LoadFigures): LinePanel[] {
  const at = (pick: (rate: RateFigures) => number): [number, number][] => rates.map((rate) => [100 * rate.share, pick(rate)]);
  const xUnit = 'offered load, % of capacity';
  return [
    {
      title: model,
      unit: 'documents a second answered in time',
      xUnit,
      lines: [{ label: 'goodput', points: at((rate) => rate.goodput_documents_per_second) }],
      level: { label: 'capacity, closed loop', y: capacity.documents_per_second },
    },
    {
      title: model,
      unit: 'latency in seconds of what was accepted',
      xUnit,
      lines: [
        { label: 'p99', points: at(({ accepted }) => accepted['all']!.p99_ms / 1000) },
        { label: 'p50', points: at(({ accepted }) => accepted['all']!.p50_ms / 1000) },
      ],
    },
    {
      title: model,
      unit: 'ms until a refusal',
      xUnit,
      lines: [{ label: 'p99', points: at(({ refused }) => refused.p99_ms) }],
      level: { label: `wanted: ${REFUSAL_MS} ms`, y: REFUSAL_MS },
    },
  ];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** JSON and tables know no NaN. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

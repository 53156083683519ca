// Pure: figures of part `mixed` -> tables, wanted figures, chart.

import { atLeast, atMost, type PartResult, type Wanted } from '../part.ts';
import type { Panel } from '../report/chart.ts';
import type { Row } from '../report/table.ts';
import { significant } from '../statistics.ts';
import type { Latencies } from './summary.ts';

/** `idle`: nothing beside the small requests. `fair`, `fifo`: large ones fill the machine, and this queue decides. */
export type ArmName = 'idle' | 'fair' | 'fifo';

export interface ArmFigures {
  readonly arm: ArmName;
  /** From the planned arrival. */
  readonly small: Latencies;
  /** Until the first batch of a small request began, by the server's clock. */
  readonly queue_p99_ms: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly wrong: number;
  readonly large_answered: number;
  readonly large_outcomes: Readonly<Record<string, number>>;
}

export interface MixedFigures {
  readonly model: string;
  readonly callers: number;
  readonly small_per_second: number;
  /** idle, fair, fifo. */
  readonly arms: readonly ArmFigures[];
}

/** One batch is planned to take 50 ms in a worker. */
const BATCH_MS = 50;

/** One that has begun, one whose turn may come first, and one for the JSON of a large request on the main thread. */
const WAIT_BATCHES = 3;

/** A first-in-first-out queue must be seen to be worse, or this bench shows nothing. */
const FIFO_TIMES = 10;

const TITLES: Readonly<Record<ArmName, string>> = {
  idle: 'machine idle otherwise',
  fair: 'beside large, fair queue',
  fifo: 'beside large, first in first out',
};

export function mixedResult(figures: readonly MixedFigures[]): PartResult {
  return {
    tables: figures.map(({ model, callers, small_per_second: rate, arms }) => ({
      title: `mixed: ${model}, ${rate} requests/s of 5 documents, beside ${callers} of 5,000 at once`,
      rows: arms.map(armRow),
    })),
    wanted: figures.flatMap(wanted),
    charts: [
      {
        name: 'mixed',
        title: 'Requests of 5 documents beside requests of 5,000',
        subtitle: 'open loop beside a closed one; latency from the planned arrival',
        panels: figures.map(panel),
      },
    ],
    results: {
      note: `Bound of both waits: ${WAIT_BATCHES} batches of ${BATCH_MS} ms. A batch holds one pair at least, and a long pair of a larger model takes longer than that.`,
      models: figures,
    },
  };
}

function armRow({ arm, small, queue_p99_ms: queueMs, wrong, outcomes, large_answered: largeAnswered }: ArmFigures): Row {
  return {
    load: TITLES[arm],
    small: small.count,
    'p50 ms': small.p50_ms,
    'p95 ms': small.p95_ms,
    'p99 ms': small.p99_ms,
    'max ms': small.max_ms,
    'in the queue p99 ms': queueMs,
    wrong,
    outcomes: Object.entries(outcomes)
      .map(([outcome, count]) => `${outcome}: ${count}`)
      .join(', '),
    'large answered': largeAnswered,
  };
}

function wanted({ model, arms }: MixedFigures): Wanted[] {
  const of = (name: ArmName): ArmFigures => arms.find(({ arm }) => arm === name)!;
  const [idle, fair, fifo] = [of('idle').small, of('fair').small, of('fifo').small];
  const unanswered = arms.reduce((sum, { wrong, small, outcomes }) => sum + wrong + small.count - (outcomes['200'] ?? 0), 0);
  return [
    atMost(
      `${model}: p99 wait in the queue of 5 documents beside 5,000-document requests, ms`,
      of('fair').queue_p99_ms,
      WAIT_BATCHES * BATCH_MS,
      `${WAIT_BATCHES} batches of ${BATCH_MS} ms`,
    ),
    atMost(
      `${model}: p99 of 5 documents beside 5,000-document requests less that on an idle machine, ms`,
      significant(fair.p99_ms - idle.p99_ms),
      WAIT_BATCHES * BATCH_MS,
      `${WAIT_BATCHES} batches of ${BATCH_MS} ms`,
    ),
    atLeast(
      `${model}: p99 of 5 documents, first in first out over fair queue`,
      significant(fifo.p99_ms / fair.p99_ms),
      FIFO_TIMES,
    ),
    atMost(`${model}: small requests not answered or answered wrongly`, unanswered, 0),
  ];
}

function panel({ model, arms }: MixedFigures): Panel {
  return {
    title: model,
    unit: 'ms',
    bars: arms.flatMap(({ arm, small }) => [
      { label: `${TITLES[arm]}, p50`, value: small.p50_ms, accent: arm === 'fair' },
      { label: `${TITLES[arm]}, p99`, value: small.p99_ms, accent: arm === 'fair' },
    ]),
  };
}

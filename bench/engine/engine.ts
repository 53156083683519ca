// Part 1: how fast one core scores, in our runs beside padded batches of the same pairs.

import { hasInt8Dot } from '../machine.ts';
import { bertBase, minilm } from '../models/bench-models.ts';
import { atLeast, type BenchContext, type PartResult, type Wanted } from '../part.ts';
import type { Panel } from '../report/chart.ts';
import type { Row } from '../report/table.ts';
import { significant } from '../statistics.ts';
import {
  type CaseFigures,
  type EngineCase,
  measureCase,
  OURS,
  OURS_INT8,
  type PlanFigures,
  REQUEST_8,
  REQUEST_32,
  SORTED_32,
} from './measure.ts';

/** One process, one thread, sessions of one intra-op thread. */
export async function engine(context: BenchContext): Promise<PartResult> {
  const figures: CaseFigures[] = [];
  for (const each of await cases(context)) figures.push(await measureCase(each, context));
  return {
    tables: figures.map((each) => ({ title: title(each), rows: each.plans.map(row) })),
    wanted: figures.flatMap((each) => wanted(each, context)),
    charts: [chart(figures)],
    results: { note: NOTE, results: figures },
  };
}

const NOTE =
  'One core. All pairs of the corpus are one call for every plan. peak_share counts 8h^2 + 4hi + 4hL operations a token and layer ' +
  '(h hidden, i intermediate, L tokens of the pair) of real tokens, over the fastest single MatMul of the runtime in the same run. ' +
  'Padded batches run in a session with memory arena (without it they would lose up to half their time to page faults), ours without, which is a little slower than the server.';

async function cases({ quick }: BenchContext): Promise<EngineCase[]> {
  if (quick) return [{ model: minilm(), requests: 2, limits: { minRounds: 1, maxRounds: 3, budgetMs: 12_000 } }];
  return [
    { model: minilm(), requests: 6, limits: { minRounds: 2, maxRounds: 7, budgetMs: 100_000 } },
    { model: bertBase(), requests: 2, limits: { minRounds: 1, maxRounds: 5, budgetMs: 100_000 } },
  ];
}

function title({ model, pairs, tokens, fp32_peak_gflops: peak }: CaseFigures): string {
  return `engine: ${model}, one core, ${pairs} pairs, ${tokens} tokens, fp32 peak ${peak.median} GFLOP/s`;
}

function row({ plan, pairs_per_second, tokens_per_second, padding_share, peak_share, seconds }: PlanFigures): Row {
  return {
    plan,
    'pairs/s': pairs_per_second,
    'tokens/s': Math.round(tokens_per_second),
    'padding %': 100 * padding_share,
    'of fp32 peak %': 100 * peak_share,
    'p25-p75 s': `${seconds.p25}-${seconds.p75}`,
    rounds: seconds.rounds,
  };
}

function speedOf({ plans }: CaseFigures, plan: string): number | null {
  return plans.find((each) => each.plan === plan)?.pairs_per_second ?? null;
}

function ratio(figures: CaseFigures, plan: string, base: string): number | null {
  const [one, other] = [speedOf(figures, plan), speedOf(figures, base)];
  return one === null || other === null ? null : significant(one / other);
}

function wanted(figures: CaseFigures, { flags }: BenchContext): Wanted[] {
  const name = (base: string): string => `${figures.model}: ${OURS} over ${base}`;
  const int8 = atLeast(`${figures.model}: ${OURS_INT8} over ${OURS}`, ratio(figures, OURS_INT8, OURS), 2.2);
  return [
    atLeast(name(REQUEST_32), ratio(figures, OURS, REQUEST_32), 3),
    atLeast(name(REQUEST_8), ratio(figures, OURS, REQUEST_8), 2),
    atLeast(name(SORTED_32), ratio(figures, OURS, SORTED_32), 1.6),
    hasInt8Dot(flags) ? int8 : { ...int8, met: null, note: 'asked of CPUs with VNNI; this one has none' },
  ];
}

function chart(figures: readonly CaseFigures[]): PartResult['charts'][number] {
  const panels: Panel[] = figures.map((each) => ({
    title: each.model,
    unit: 'pairs a second',
    bars: each.plans.map(({ plan, pairs_per_second: value }) => ({
      label: plan,
      value,
      accent: plan.startsWith('ours'),
      note: `${significant(value / speedOf(each, REQUEST_32)!).toFixed(2)}x`,
    })),
  }));
  return { name: 'engine', title: 'One core: runs without padding beside padded batches', subtitle: 'mixed lengths', panels };
}

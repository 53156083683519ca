// `--only sweep`: which token budget and padding tolerance of a run are best. Behind RUN_LIMITS in workers/micro-batch.ts.

import { pairCost } from '../../src/pair-size.ts';
import { BATCH_SECONDS } from '../../src/rerank/reranker.ts';
import { RUN_LIMITS, type RunLimits } from '../../workers/micro-batch.ts';
import type { OnnxSession } from '../../workers/onnx-session.ts';
import { makeCorpus } from '../corpus.ts';
import { interleave, type RoundLimits } from '../interleave.ts';
import { type BenchModel, bertBase, embedded, minilm } from '../models/bench-models.ts';
import type { BenchContext, PartResult } from '../part.ts';
import type { Row } from '../report/table.ts';
import { type Spread, significant, spread } from '../statistics.ts';
import { openSession } from './open-session.ts';
import { type Planner, paddingShare, type Runs, withLimits } from './plans.ts';
import { encodeCorpus, type Pass, pass, type Workload } from './workload.ts';

const BUDGETS = [64, 128, 256, 512, 1024] as const;
const PADDINGS = [0, 0.02, 0.05, 0.1] as const;

/** `call`: the worker gets all pairs at once. `batches`: it gets them as the server sends them, in batches of about 50 ms. */
const MODES = ['call', 'batches'] as const;

interface Setting {
  readonly mode: (typeof MODES)[number];
  readonly maxTokens: number;
  readonly maxPadding: number;
}

interface SettingFigures extends Setting {
  readonly seconds: Spread;
  readonly pairs_per_second: number;
  readonly padding_share: number;
  readonly runs: number;
  /** Against the best of its mode. */
  readonly of_best: number;
}

interface ModelSweep {
  readonly model: string;
  readonly pairs: number;
  /** Cost units a batch of the server holds. */
  readonly batch_cost: number;
  readonly settings: readonly SettingFigures[];
}

export async function sweep(context: BenchContext): Promise<PartResult> {
  const sweeps: ModelSweep[] = [];
  for (const [model, requests, limits] of await models(context)) {
    context.say(`sweep: ${model.title}`);
    sweeps.push(await sweepModel(model, requests, limits));
  }
  return {
    tables: sweeps.flatMap((each) =>
      MODES.map((mode) => ({ title: `sweep: ${each.model}, ${mode}, ${each.pairs} pairs, one core`, rows: rows(each, mode) })),
    ),
    wanted: [],
    charts: [],
    results: { chosen: RUN_LIMITS.float32, results: sweeps },
  };
}

async function models({ quick }: BenchContext): Promise<(readonly [BenchModel, requests: number, RoundLimits])[]> {
  if (quick) return [[embedded(), 4, { minRounds: 1, maxRounds: 2, budgetMs: 20_000 }]];
  const limits = { minRounds: 2, maxRounds: 7, budgetMs: 200_000 };
  return [
    [embedded(), 12, limits],
    [minilm(), 4, limits],
    [bertBase(), 1, limits],
  ];
}

async function sweepModel(model: BenchModel, requests: number, limits: RoundLimits): Promise<ModelSweep> {
  const workload = encodeCorpus(model.spec, makeCorpus({ requests, documents: 32, ...model.texts, seed: 'sweep' }));
  const session = await openSession(model.spec.onnxFile);
  const batchCost = await measureBatchCost(session, workload, model.spec.hiddenSize);
  const settings = allSettings();
  const planner = (setting: Setting): Planner => plannerOf(setting, batchCost, model.spec.hiddenSize);
  const measured = await interleave<Pass>(
    Object.fromEntries(settings.map((setting) => [nameOf(setting), () => pass(session, workload, planner(setting))])),
    limits,
  );
  await session.release();
  return {
    model: model.title,
    pairs: workload.pairs.length,
    batch_cost: Math.round(batchCost),
    settings: summarize(settings, measured, workload),
  };
}

function allSettings(): Setting[] {
  return MODES.flatMap((mode) => BUDGETS.flatMap((maxTokens) => PADDINGS.map((maxPadding) => ({ mode, maxTokens, maxPadding }))));
}

/** What the pool would send: the measured speed for 50 ms. */
async function measureBatchCost(session: OnnxSession, workload: Workload, hiddenSize: number): Promise<number> {
  const { seconds } = await pass(session, workload, withLimits(RUN_LIMITS.float32));
  const cost = workload.lengths.reduce((sum, length) => sum + pairCost(length, hiddenSize), 0);
  return (cost / seconds) * BATCH_SECONDS;
}

function plannerOf({ mode, maxTokens, maxPadding }: Setting, batchCost: number, hiddenSize: number): Planner {
  const limits: RunLimits = { maxTokens, maxPadding, maxPairs: 256 };
  if (mode === 'call') return withLimits(limits);
  return (lengths) => batchesOf(lengths, batchCost, hiddenSize).flatMap((batch) => runsOf(lengths, batch, limits));
}

/** Similar lengths together, longest first, as rerank/plan.ts cuts a call. */
function batchesOf(lengths: Uint32Array, batchCost: number, hiddenSize: number): Uint32Array[] {
  const order = Uint32Array.from(lengths.keys()).sort((a, b) => lengths[b]! - lengths[a]! || a - b);
  const batches: Uint32Array[] = [];
  let start = 0;
  let cost = 0;
  order.forEach((pair, i) => {
    const next = pairCost(lengths[pair]!, hiddenSize);
    if (i > start && cost + next > batchCost) {
      batches.push(order.slice(start, i));
      start = i;
      cost = 0;
    }
    cost += next;
  });
  return [...batches, order.slice(start)];
}

function runsOf(lengths: Uint32Array, batch: Uint32Array, limits: RunLimits): Runs {
  const inside = Uint32Array.from(batch, (pair) => lengths[pair]!);
  return withLimits(limits)(inside).map((run) => run.map((index) => batch[index]!));
}

function nameOf({ mode, maxTokens, maxPadding }: Setting): string {
  return `${mode} ${maxTokens} ${maxPadding}`;
}

function summarize(settings: readonly Setting[], measured: Record<string, Pass[]>, workload: Workload): SettingFigures[] {
  const figures = settings.map((setting) => {
    const passes = measured[nameOf(setting)]!;
    const seconds = spread(passes.map((each) => each.seconds));
    const { runs } = passes[0]!;
    return { ...setting, seconds, padding_share: significant(paddingShare(workload.lengths, runs)), runs: runs.length };
  });
  const best = (mode: Setting['mode']): number =>
    Math.min(...figures.filter((each) => each.mode === mode).map(({ seconds }) => seconds.median));
  return figures.map((each) => ({
    ...each,
    pairs_per_second: significant(workload.pairs.length / each.seconds.median),
    of_best: significant(best(each.mode) / each.seconds.median),
  }));
}

function rows({ settings }: ModelSweep, mode: Setting['mode']): Row[] {
  return settings
    .filter((each) => each.mode === mode)
    .map(({ maxTokens, maxPadding, pairs_per_second, of_best, padding_share, runs }) => ({
      'tokens a run': maxTokens,
      'padding allowed %': 100 * maxPadding,
      'pairs/s': pairs_per_second,
      'of best %': 100 * of_best,
      'padding %': 100 * padding_share,
      runs,
    }));
}

// Measures one model in all plans, interleaved, and checks that every plan did the work.

import { RUN_LIMITS } from '../../workers/micro-batch.ts';
import type { OnnxSession } from '../../workers/onnx-session.ts';
import { makeCorpus } from '../corpus.ts';
import { interleave, type RoundLimits } from '../interleave.ts';
import { hasInt8Dot } from '../machine.ts';
import type { BenchModel } from '../models/bench-models.ts';
import type { BenchContext } from '../part.ts';
import { MODEL_CACHE } from '../paths.ts';
import { largestDifference, type Spread, significant, spread } from '../statistics.ts';
import { int8Model } from './int8-model.ts';
import { MatmulPeak } from './matmul-peak.ts';
import { openSession } from './open-session.ts';
import { inRequestOrder, type Planner, paddingShare, sortedByLength, withLimits } from './plans.ts';
import { encodeCorpus, type Pass, pass, type Workload } from './workload.ts';

/** fp32 logits do not depend on a pair's neighbours; what is left is the order of additions. */
const SAME_LOGITS = 1e-4;

export const OURS = 'ours, fp32';
export const OURS_INT8 = 'ours, int8';
export const REQUEST_32 = 'padded 32, request order';
export const REQUEST_8 = 'padded 8, request order';
export const SORTED_32 = 'padded 32, sorted by length';

export interface EngineCase {
  readonly model: BenchModel;
  /** Requests of 32 documents. */
  readonly requests: number;
  readonly limits: RoundLimits;
}

export interface PlanFigures {
  readonly plan: string;
  readonly seconds: Spread;
  /** CPU time of a pass: what the ratio would be on a machine with nothing else to do, when it was busy. */
  readonly cpu_seconds: Spread;
  readonly pairs_per_second: number;
  readonly tokens_per_second: number;
  readonly padding_share: number;
  /** Operations of the real tokens, over the measured peak of one core. */
  readonly peak_share: number;
  readonly runs: number;
  /** Against ours, fp32. */
  readonly largest_logit_difference: number;
}

export interface CaseFigures {
  readonly model: string;
  readonly pairs: number;
  readonly tokens: number;
  readonly fp32_peak_gflops: Spread;
  readonly plans: readonly PlanFigures[];
}

/** Opens the model's sessions, measures, closes them. @throws Error when a plan gives other logits */
export async function measureCase({ model, requests, limits }: EngineCase, context: BenchContext): Promise<CaseFigures> {
  const corpus = makeCorpus({ requests, documents: 32, ...model.texts, seed: 'engine' });
  const workload = encodeCorpus(model.spec, corpus);
  context.say(`engine: ${model.title}, ${workload.pairs.length} pairs, ${workload.tokens} tokens`);
  const float32 = await openSession(model.spec.onnxFile);
  const padded = await openSession(model.spec.onnxFile, 'float32', true);
  const int8 = await openSession(await int8Model(model.spec.onnxFile, hasInt8Dot(context.flags)), 'int8');
  const peak = await MatmulPeak.open(MODEL_CACHE);
  const plans = alternatives({ float32, padded, int8 });
  for (const [session] of Object.values(plans)) await pass(session, firstPairs(workload), inRequestOrder(1));
  const measured = await interleave<Pass | number>(
    {
      peak: () => peak.measure(),
      ...Object.fromEntries(
        Object.entries(plans).map(([plan, [session, planner]]) => [plan, () => pass(session, workload, planner)]),
      ),
    },
    limits,
  );
  const peaks = measured['peak'] as number[];
  delete measured['peak'];
  for (const session of [float32, padded, int8]) await session.release();
  await peak.close();
  return summarize(model, workload, measured as Record<string, Pass[]>, { best: peak.best, rounds: peaks });
}

interface Sessions {
  readonly float32: OnnxSession;
  /** With memory arena. */
  readonly padded: OnnxSession;
  readonly int8: OnnxSession;
}

function alternatives({ float32, padded, int8 }: Sessions): Record<string, readonly [OnnxSession, Planner]> {
  return {
    [REQUEST_32]: [padded, inRequestOrder(32)],
    [REQUEST_8]: [padded, inRequestOrder(8)],
    [SORTED_32]: [padded, sortedByLength(32)],
    [OURS]: [float32, withLimits(RUN_LIMITS.float32)],
    [OURS_INT8]: [int8, withLimits(RUN_LIMITS.int8)],
  };
}

function firstPairs(workload: Workload): Workload {
  return { ...workload, pairs: workload.pairs.slice(0, 4), lengths: workload.lengths.slice(0, 4) };
}

/** @throws Error when a fp32 plan gives other logits: then it did not do the work */
function summarize(
  model: BenchModel,
  workload: Workload,
  measured: Record<string, Pass[]>,
  peak: { readonly best: number; readonly rounds: readonly number[] },
): CaseFigures {
  const reference = measured[OURS]![0]!.logits;
  const plans = Object.entries(measured).map(([plan, passes]) => {
    const seconds = spread(passes.map((each) => each.seconds));
    const difference = largestDifference(passes[0]!.logits, reference);
    if (plan !== OURS_INT8 && !(difference <= SAME_LOGITS)) throw new Error(`${plan} gives logits that differ by ${difference}`);
    return {
      plan,
      seconds,
      cpu_seconds: spread(passes.map((each) => each.cpuSeconds)),
      pairs_per_second: significant(workload.pairs.length / seconds.median),
      tokens_per_second: significant(workload.tokens / seconds.median),
      padding_share: significant(paddingShare(workload.lengths, passes[0]!.runs)),
      peak_share: significant(workload.flops / seconds.median / peak.best),
      runs: passes[0]!.runs.length,
      largest_logit_difference: significant(difference),
    };
  });
  const gflops = spread(peak.rounds.map((flops) => flops / 1e9));
  return { model: model.title, pairs: workload.pairs.length, tokens: workload.tokens, fp32_peak_gflops: gflops, plans };
}

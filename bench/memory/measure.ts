// Measures plain and prepared weights of one model: opening, memory, process start, speed.

import { statSync } from 'node:fs';
import { readOnnxModel } from '../../src/model/onnx/onnx-model.ts';
import { RUN_LIMITS } from '../../workers/micro-batch.ts';
import { OnnxSession } from '../../workers/onnx-session.ts';
import { makeCorpus } from '../corpus.ts';
import { withLimits } from '../engine/plans.ts';
import { encodeCorpus, pass } from '../engine/workload.ts';
import { ServerProcess } from '../http/server-process.ts';
import { interleave } from '../interleave.ts';
import type { BenchModel } from '../models/bench-models.ts';
import { largestDifference, type Spread, significant, spread } from '../statistics.ts';
import { sessionCosts } from './session-cost.ts';
import type { SessionCost } from './session-probe.ts';
import { externalVariant, plainVariant, preparedVariant, type Variant } from './variants.ts';

const SESSIONS = 3;
/** Of the measured process start. */
export const WORKERS = 2;

export interface VariantFigures {
  readonly variant: string;
  /** In a fresh process, and in a thread beside others. */
  readonly first_session_ms: Spread;
  readonly further_session_ms: Spread;
  readonly private_mib_per_further_worker: Spread;
  /** From spawn to /ready with two workers. */
  readonly start_ms: Spread;
  readonly pairs_per_second: Spread;
}

export interface CopyFigures {
  readonly model: string;
  readonly weights_mib: number;
  readonly variants: readonly VariantFigures[];
  readonly largest_logit_difference: number;
}

export async function measureCopy(model: BenchModel, rounds: number): Promise<CopyFigures> {
  const variants: Record<string, Variant> = {
    plain: plainVariant(model.spec),
    'plain, external data': await externalVariant(model.spec),
    prepared: await preparedVariant(model.spec),
  };
  const limits = { minRounds: rounds, maxRounds: rounds, budgetMs: 0 };
  const costs = await interleave<SessionCost[]>(
    mapValues(
      variants,
      ({ weights }) =>
        () =>
          sessionCosts(weights, SESSIONS),
    ),
    limits,
  );
  const starts = await interleave<number>(
    mapValues(variants, (variant) => () => startMs(variant)),
    { ...limits, minRounds: Math.min(rounds, 3), maxRounds: Math.min(rounds, 3) },
  );
  const speed = await measureSpeed(model, variants, rounds);
  return {
    model: model.title,
    weights_mib: weightsMebibytes(model),
    variants: Object.keys(variants).map((variant) =>
      figuresOf(variant, costs[variant]!, starts[variant]!, speed.rates[variant]!),
    ),
    largest_logit_difference: significant(speed.difference),
  };
}

async function startMs({ directory, serveFlags: flags }: Variant): Promise<number> {
  const server = await ServerProcess.start({ directory, workers: WORKERS, flags });
  await server.stop();
  return server.readyMs;
}

/** Both sessions in one thread, the same pairs in turn. */
async function measureSpeed(
  model: BenchModel,
  variants: Readonly<Record<string, Variant>>,
  rounds: number,
): Promise<{ rates: Record<string, number[]>; difference: number }> {
  const corpus = makeCorpus({ requests: 1, documents: 12, ...model.texts, seed: 'memory' });
  const workload = encodeCorpus(model.spec, corpus);
  const sessions: Record<string, OnnxSession> = {};
  for (const [name, { weights }] of Object.entries(variants))
    sessions[name] = await OnnxSession.open({ weights, cpuMemArena: false });
  const planner = withLimits(RUN_LIMITS.float32);
  const passes = await interleave(
    mapValues(sessions, (session) => () => pass(session, workload, planner)),
    { minRounds: rounds, maxRounds: rounds, budgetMs: 0 },
  );
  for (const session of Object.values(sessions)) await session.release();
  return {
    rates: mapValues(passes, (each) => each.map(({ seconds }) => workload.pairs.length / seconds)),
    difference: largestDifference(passes['plain']![0]!.logits, passes['prepared']![0]!.logits),
  };
}

function figuresOf(
  variant: string,
  costs: readonly SessionCost[][],
  starts: readonly number[],
  rates: readonly number[],
): VariantFigures {
  const further = costs.flatMap((each) => each.slice(1));
  return {
    variant,
    first_session_ms: spread(costs.map((each) => each[0]!.createMs)),
    further_session_ms: spread(further.map(({ createMs }) => createMs)),
    private_mib_per_further_worker: spread(further.map(({ privateMebibytes }) => privateMebibytes)),
    start_ms: spread(starts),
    pairs_per_second: spread(rates),
  };
}

/** What the runtime reads: the graph and its external data. */
function weightsMebibytes({ spec }: BenchModel): number {
  const { files } = readOnnxModel(spec.onnxFile);
  return Math.round(files.reduce((sum, file) => sum + statSync(file).size, 0) / 2 ** 20);
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

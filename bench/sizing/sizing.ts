// What a replica can do and what it needs, by model, type of weights, length and workers. docs/sizing.md shows it.

import type { Dtype } from '../../src/protocol.ts';
import { int8Model } from '../engine/int8-model.ts';
import { hasInt8Dot } from '../machine.ts';
import { type BenchModel, bertBase, embedded, minilm } from '../models/bench-models.ts';
import type { BenchContext, PartResult } from '../part.ts';
import { type ColdFigures, measureColdStart, measureReplica, type ReplicaFigures } from './replica.ts';
import { measureSpeed, type SpeedFigures } from './speed.ts';

interface SizingCase {
  readonly model: BenchModel;
  readonly dtype: Dtype;
}

export interface SizingFigures {
  readonly speed: readonly SpeedFigures[];
  readonly replicas: readonly ReplicaFigures[];
  readonly cold: readonly ColdFigures[];
}

/** A part of its own: memory and speed of every model, where the other parts look at one each. */
export async function sizing(context: BenchContext): Promise<PartResult> {
  const { quick, say } = context;
  const speed: SpeedFigures[] = [];
  const replicas: ReplicaFigures[] = [];
  const cold: ColdFigures[] = [];
  for (const each of cases(quick)) {
    const { model, dtype } = each;
    say(`sizing: ${model.title}, ${dtype}`);
    speed.push(...(await speedOf(each, context)));
    cold.push(await measureColdStart(model, dtype));
    for (const workers of quick ? [1, 2] : [1, 2, 4]) replicas.push(await measureReplica(model, dtype, workers));
  }
  return {
    tables: [
      { title: 'sizing: one core, pairs of one length', rows: speed.map(({ seconds: _, ...row }) => row) },
      { title: 'sizing: the server after its longest pairs', rows: replicas.map((row) => ({ ...row })) },
      { title: 'sizing: first start, one worker', rows: cold.map((row) => ({ ...row })) },
    ],
    wanted: [],
    charts: [],
    results: { speed, replicas, cold } satisfies SizingFigures,
  };
}

/** The embedded model has no int8 file: it is so small that nobody quantises it. */
function cases(quick: boolean): readonly SizingCase[] {
  const small: SizingCase = { model: embedded(), dtype: 'float32' };
  if (quick) return [small];
  const both = (model: BenchModel): SizingCase[] => [
    { model, dtype: 'float32' },
    { model, dtype: 'int8' },
  ];
  return [small, ...both(minilm()), ...both(bertBase())];
}

async function speedOf({ model, dtype }: SizingCase, { quick, flags }: BenchContext): Promise<SpeedFigures[]> {
  const { spec, title } = model;
  const rounds = quick ? 2 : 5;
  return measureSpeed({
    model: title,
    spec,
    dtype,
    onnxFile: dtype === 'int8' ? await int8Model(spec.onnxFile, hasInt8Dot(flags)) : spec.onnxFile,
    lengths: [64, 128, 256, 512].filter((length) => length <= spec.maxLength),
    passSeconds: quick ? 0.1 : 1.5,
    limits: { minRounds: rounds, maxRounds: rounds, budgetMs: 0 },
  });
}

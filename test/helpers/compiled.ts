// The recorded models of test/oracle/fixtures/compiled, and runs of the graphs that are compiled from them.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { CompileOptions } from '../../src/model/onnx/architectures/compile.ts';
import { compileRepository } from '../../src/model/onnx/architectures/repository.ts';
import type { OnnxModel } from '../../src/model/onnx/onnx-model.ts';
import { type Checkpoint, findCheckpoint, openCheckpoint } from '../../src/model/onnx/safetensors/checkpoint.ts';
import { writeModel } from './onnx-graph.ts';
import { repoRoot } from './paths.ts';

const FIXTURES = join(repoRoot, 'test', 'oracle', 'fixtures', 'compiled');

/** A text as ids, and what torch made of it. */
export interface CompiledCase {
  readonly ids: readonly number[];
  readonly types?: readonly number[];
  readonly logits: readonly number[];
}

export interface CompiledFixture {
  /** Tokens that a causal model is scored by. */
  readonly trueFalse?: readonly [number, number?];
  readonly cases: readonly CompiledCase[];
}

export function compiledFamilies(): string[] {
  return readdirSync(FIXTURES).sort();
}

export function compiledDirectory(family: string): string {
  return join(FIXTURES, family);
}

export function readFixture(family: string): CompiledFixture {
  return readJson(join(FIXTURES, family, 'cases.json')) as CompiledFixture;
}

export function readConfig(family: string, name = 'config.json'): Record<string, unknown> {
  return readJson(join(FIXTURES, family, name)) as Record<string, unknown>;
}

export function checkpointOf(family: string): Checkpoint {
  return openCheckpoint(join(FIXTURES, family, findCheckpoint(join(FIXTURES, family))!));
}

export function compileFamily(family: string, options: CompileOptions = {}): OnnxModel {
  const { trueFalse } = readFixture(family);
  if (trueFalse === undefined) return compileRepository(compiledDirectory(family), options);
  const scoreTokens = { trueToken: trueFalse[0], falseToken: trueFalse[1] ?? null };
  return compileRepository(compiledDirectory(family), { ...options, scoreTokens });
}

/** An open graph; it closes with the test. */
export async function openCompiled(t: TestContext, model: OnnxModel): Promise<InferenceSession> {
  const session = await InferenceSession.create(await writeModel(t, model), { intraOpNumThreads: 1, logSeverityLevel: 3 });
  t.after(() => session.release());
  return session;
}

/** Logits of texts of any lengths in one run, padded with `padding` on the right; `[text][label]`. */
export async function scoreTexts(session: InferenceSession, texts: readonly CompiledCase[], padding = 0): Promise<number[][]> {
  const length = Math.max(...texts.map(({ ids }) => ids.length));
  const filled = (rows: readonly (readonly number[])[], filler: number): Tensor => {
    const values = rows.flatMap((row) => [...row, ...Array.from({ length: length - row.length }, () => filler)]);
    return new Tensor('int64', BigInt64Array.from(values, BigInt), [texts.length, length]);
  };
  const all: Readonly<Record<string, Tensor>> = {
    input_ids: filled(
      texts.map(({ ids }) => ids),
      padding,
    ),
    attention_mask: filled(
      texts.map(({ ids }) => ids.map(() => 1)),
      0,
    ),
    token_type_ids: filled(
      texts.map(({ ids, types }) => types ?? ids.map(() => 0)),
      0,
    ),
  };
  const { logits } = await session.run(Object.fromEntries(session.inputNames.map((name) => [name, all[name]!])));
  const [rows, labels] = logits!.dims as [number, number];
  const values = Array.from(logits!.data as Float32Array);
  return Array.from({ length: rows }, (_, row) => values.slice(row * labels, (row + 1) * labels));
}

/** Largest difference, relative to the expected value, or to `least` where that is larger. */
export function largestDifference(
  actual: readonly (readonly number[])[],
  expected: readonly (readonly number[])[],
  least = 1,
): number {
  const differences = expected.flatMap((row, i) =>
    row.map((value, j) => Math.abs(actual[i]![j]! - value) / Math.max(least, Math.abs(value))),
  );
  return differences.some(Number.isNaN) ? Number.NaN : Math.max(...differences);
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}

// The quantiser on every recorded family and on the embedded model: what is converted, how far the scores move, and that
// they do not depend on the batch.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { readCpuFeatures } from '../../../src/model/cpu-features.ts';
import { loadModelSpec } from '../../../src/model/model-spec.ts';
import { GraphView } from '../../../src/model/onnx/graph-view.ts';
import type { NodeProto } from '../../../src/model/onnx/onnx_pb.ts';
import { type OnnxModel, readOnnxModel, writeOnnxModel } from '../../../src/model/onnx/onnx-model.ts';
import { type QuantizeReport, quantizeModel } from '../../../src/model/onnx/quantize-model.ts';
import type { ModelSpec, PairBatch } from '../../../src/protocol.ts';
import { PLAIN_ENCODING } from '../../../workers/pair-encoder.ts';
import { BatchScorer } from '../../../workers/scorer.ts';
import { kendallTau } from '../../helpers/kendall-tau.ts';
import { attributes, countOperations, node, optimize, temporaryDirectory } from '../../helpers/onnx-graph.ts';
import { type Oracle, oracleFamilies, oracleModel, oracleText, readOracle } from '../../helpers/oracle.ts';
import { repoRoot } from '../../helpers/paths.ts';

/**
 * Root mean square of the logits' change over their standard deviation. The recorded models are random and 16 wide, so that
 * one value's rounding weighs much: 0.03 to 0.12 with 8-bit weights, 0.04 to 0.14 with 7 bits. A wrong weight gives 1 and more.
 */
const FAMILY_DEVIATION = 0.2;
/** 0.94 to 0.98 with 8-bit weights, 0.92 to 0.99 with 7 bits, for the same reason. */
const FAMILY_TAU = 0.88;

/** The embedded model is trained and 128 wide: 0.013 and 0.992 with 8-bit weights, 0.055 and 0.966 with 7 bits. */
const EMBEDDED = { deviation: 0.08, tau: 0.95 };

/** Between the runtime's integer kernels and the same integers as floats. A rounding that falls the other way is one step of 255. */
const ARITHMETIC_DEVIATION = 0.02;

/** Weights any x86 or arm CPU computes with exactly. */
const OPTIONS = { reducedRange: !readCpuFeatures().hasInt8Dot };

function specOf(directory: string): ModelSpec {
  return loadModelSpec(directory, { id: null, onnxFile: null, maxLength: null, pairTemplate: null });
}

interface Quantized {
  readonly spec: ModelSpec;
  readonly path: string;
  readonly report: QuantizeReport;
}

/** The family's model in int8; every table counts as large. */
async function quantizeFamily(t: TestContext, family: string): Promise<Quantized> {
  const spec = specOf(oracleModel(family));
  const path = join(temporaryDirectory(t), 'int8.onnx');
  return { spec, path, report: await quantizeModel(spec.onnxFile, path, { ...OPTIONS, tableBytes: 0 }) };
}

async function openInt8(t: TestContext, spec: ModelSpec, onnxFile: string): Promise<BatchScorer> {
  const scorer = await BatchScorer.open({
    spec,
    weights: { onnxFile, dtype: 'int8', packed: false, check: null },
    cpuMemArena: true,
  });
  t.after(() => scorer.close());
  return scorer;
}

function batchOf(pairs: readonly (readonly [string, string])[], maxLength: number | null = null): PairBatch {
  return {
    prompt: '',
    queries: pairs.map(([query]) => query),
    documents: pairs.map(([, document]) => document),
    pairs: Uint32Array.from(pairs.flatMap((_, index) => [index, index])),
    encode: { ...PLAIN_ENCODING, maxLength },
    cost: 0,
  };
}

/** All recorded pairs, as the reference joined them with the model's default prompt. */
function recordedBatches(oracle: Oracle, { prompts, defaultPromptName }: ModelSpec): { batch: PairBatch; logits: number[] }[] {
  const prompt = defaultPromptName === null ? '' : prompts[defaultPromptName]!;
  return oracle.scores.map(({ pairs, logits, maxLength }) => ({
    batch: batchOf(
      pairs.map(([a, b]) => [prompt + oracleText(oracle, a), oracleText(oracle, b)] as const),
      maxLength,
    ),
    logits: logits.flat(),
  }));
}

async function logitsOf(scorer: BatchScorer, batch: PairBatch): Promise<Float32Array> {
  return (await scorer.score(batch, () => false)).logits;
}

/** Root mean square of the differences over the standard deviation of `expected`. */
function deviation(expected: ArrayLike<number>, actual: ArrayLike<number>): number {
  const values = Array.from(expected);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = (differences: readonly number[]) => differences.reduce((sum, value) => sum + value * value, 0);
  return Math.sqrt(squares(values.map((value, i) => value - actual[i]!)) / squares(values.map((value) => value - mean)));
}

/** Products with constant weights that depend on an input: what must have become int8. */
function convertible({ graph }: OnnxModel, view: GraphView): { [operation in 'MatMul' | 'Gemm']: NodeProto[] } {
  const isConvertible = (each: NodeProto) => view.isConstant(each.input[1]!) && !view.isConstant(each.input[0]!);
  const of = (operation: string) => graph.node.filter((each) => each.opType === operation && isConvertible(each));
  return { MatMul: of('MatMul'), Gemm: of('Gemm') };
}

for (const family of oracleFamilies()) {
  describe(family, () => {
    test('every product with constant weights becomes int8, and the runtime fuses all of them', async (t) => {
      const { spec, path, report } = await quantizeFamily(t, family);
      const original = readOnnxModel(spec.onnxFile);
      const expected = convertible(original, new GraphView(original));
      assert.ok(expected.MatMul.length >= 9);
      assert.equal(report.matMuls, expected.MatMul.length);
      assert.equal(report.gemms, expected.Gemm.length);
      assert.ok(report.tables >= 1);
      const quantized = readOnnxModel(path);
      const left = convertible(quantized, new GraphView(quantized));
      assert.deepEqual([...left.MatMul, ...left.Gemm], []);
      const optimized = countOperations(await optimize(path));
      const { DynamicQuantizeMatMul: whole = 0, MatMulIntegerToFloat: shared = 0 } = optimized;
      assert.equal(whole + shared, report.matMuls + report.gemms, JSON.stringify(optimized));
      assert.equal(optimized['MatMulInteger'], undefined);
    });

    test('scores stay near the recorded ones', async (t) => {
      const { spec, path } = await quantizeFamily(t, family);
      const scorer = await openInt8(t, spec, path);
      const batches = recordedBatches(readOracle(family), spec);
      const expected = batches.flatMap(({ logits }) => logits);
      const actual: number[] = [];
      for (const { batch } of batches) actual.push(...(await logitsOf(scorer, batch)));
      const tau = kendallTau(expected, actual, 1e-4);
      const moved = deviation(expected, actual);
      t.diagnostic(`deviation ${moved.toFixed(3)}, tau ${tau.toFixed(3)}`);
      assert.ok(moved <= FAMILY_DEVIATION, `deviation ${moved}`);
      assert.ok(tau >= FAMILY_TAU, `tau ${tau}`);
    });

    test('scores do not depend on the batch', async (t) => {
      const { spec, path } = await quantizeFamily(t, family);
      const scorer = await openInt8(t, spec, path);
      const oracle = readOracle(family);
      const pairs = oracle.scores[0]!.pairs.slice(0, 12).map(([a, b]) => [oracleText(oracle, a), oracleText(oracle, b)] as const);
      const together = await logitsOf(scorer, batchOf(pairs));
      const labels = together.length / pairs.length;
      const reversed = await logitsOf(scorer, batchOf(pairs.toReversed()));
      for (const [index, pair] of pairs.entries()) {
        const expected = together.subarray(index * labels, (index + 1) * labels);
        assert.deepEqual(await logitsOf(scorer, batchOf([pair])), expected);
        const mirrored = pairs.length - 1 - index;
        assert.deepEqual(reversed.subarray(mirrored * labels, (mirrored + 1) * labels), expected);
      }
    });

    test('the integer kernels compute what the same integers give as floats', async (t) => {
      const { spec, path } = await quantizeFamily(t, family);
      const asFloats = join(temporaryDirectory(t), 'floats.onnx');
      const model = readOnnxModel(path);
      model.graph.node = model.graph.node.flatMap(integersAsFloats);
      await writeOnnxModel(model, asFloats);
      const [integers, reference] = [await openInt8(t, spec, path), await openInt8(t, spec, asFloats)];
      const { batch } = recordedBatches(readOracle(family), spec)[0]!;
      const difference = deviation(await logitsOf(reference, batch), await logitsOf(integers, batch));
      t.diagnostic(`deviation ${difference}`);
      assert.ok(difference <= ARITHMETIC_DEVIATION, `deviation ${difference}`);
    });
  });
}

/** MatMulInteger and the cast after it with float operations; the sums are whole numbers below 2^24, so nothing is rounded. */
function integersAsFloats(each: NodeProto): NodeProto[] {
  if (each.opType !== 'MatMulInteger') return [each];
  const [values, weights, zeroPoint] = each.input as [string, string, string];
  const output = each.output[0]!;
  const cast = (value: string) => node('Cast', [value], [`${output}/${value}`], [attributes.int('to', 1)]);
  const casts = [values, weights, zeroPoint].map(cast);
  const [v, w, z] = casts.map(({ output: [name] }) => name!);
  return [...casts, node('Sub', [v!, z!], [`${output}/centred`]), node('MatMul', [`${output}/centred`, w!], [output])];
}

test('the embedded model keeps its order', async (t) => {
  const directory = join(repoRoot, 'models/crossrank-mini');
  const spec = specOf(directory);
  const path = join(temporaryDirectory(t), 'int8.onnx');
  const report = await quantizeModel(spec.onnxFile, path, OPTIONS);
  // Its weights are stored as Cast(int8) * scale, and two of its tables are large.
  assert.deepEqual(report, { matMuls: 10, gemms: 2, tables: 2, kept: [] });
  const recorded = JSON.parse(readFileSync(join(directory, 'recorded-pairs.json'), 'utf8')) as {
    query: string;
    document: string;
    logit: number;
  }[];
  const scorer = await openInt8(t, spec, path);
  const actual = await logitsOf(scorer, batchOf(recorded.map(({ query, document }) => [query, document] as const)));
  const expected = recorded.map(({ logit }) => logit);
  const tau = kendallTau(expected, actual, 0);
  const moved = deviation(expected, actual);
  t.diagnostic(`deviation ${moved.toFixed(4)}, tau ${tau.toFixed(4)}`);
  assert.ok(moved <= EMBEDDED.deviation, `deviation ${moved}`);
  assert.ok(tau >= EMBEDDED.tau, `tau ${tau}`);
});

// The quantiser on small graphs: each way a product or a table is written, what is shared, what stays, what goes.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import type { Tensor } from 'onnxruntime-node';
import { RerankError } from '../../../src/errors.ts';
import { readCpuFeatures } from '../../../src/model/cpu-features.ts';
import { GraphProtoSchema, type NodeProto, type TensorProto, ValueInfoProtoSchema } from '../../../src/model/onnx/onnx_pb.ts';
import { type OnnxModel, readOnnxModel } from '../../../src/model/onnx/onnx-model.ts';
import { type QuantizeOptions, type QuantizeReport, quantizeModel } from '../../../src/model/onnx/quantize-model.ts';
import {
  attributes,
  countOperations,
  floatInput,
  floats,
  type GraphParts,
  idsInput,
  int64s,
  node,
  noise,
  onnxModel,
  optimize,
  rawTensor,
  runModel,
  temporaryDirectory,
  writeModel,
} from '../../helpers/onnx-graph.ts';

const K = 24;
const N = 16;
const FLOAT16 = 10;
const INT8 = 3;
const OPTIONS = { reducedRange: !readCpuFeatures().hasInt8Dot, tableBytes: 0 };

const W = floats('w', [K, N], noise(K * N, 1));
const W_TURNED = floats('w', [N, K], noise(K * N, 2));
const BIAS = floats('b', [N], noise(N, 3));
const X = floatInput([5, K], noise(5 * K, 4));

interface Quantized {
  readonly report: QuantizeReport;
  readonly model: OnnxModel;
  readonly path: string;
  readonly original: string;
}

async function quantize(t: TestContext, parts: GraphParts | OnnxModel, options: QuantizeOptions = OPTIONS): Promise<Quantized> {
  const original = await writeModel(t, 'proto' in parts ? parts : onnxModel(parts));
  const path = join(temporaryDirectory(t), 'int8.onnx');
  const report = await quantizeModel(original, path, options);
  return { report, model: readOnnxModel(path), path, original };
}

function matMulGraph(nodes: NodeProto[], ...initializers: TensorProto[]): GraphParts {
  return { input: 'x', nodes, initializers };
}

/** Largest difference between float and int8, relative to the largest value. */
async function difference({ path, original }: Quantized, input: Tensor): Promise<number> {
  const expected = await runModel(original, input);
  const actual = await runModel(path, input);
  const largest = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((value, index) => Math.abs(value - actual[index]!))) / largest;
}

/** One rounding of the weights and one of the activations. */
const CLOSE = 0.03;

describe('products', () => {
  const gemm = (nodeAttributes: Parameters<typeof node>[3], inputs = ['x', 'w', 'b']) => [
    node('Gemm', inputs, ['y'], nodeAttributes),
  ];
  const { int, float } = attributes;
  const cases: Readonly<Record<string, GraphParts>> = {
    MatMul: matMulGraph([node('MatMul', ['x', 'w'], ['y'])], W),
    'MatMul and Add': matMulGraph([node('MatMul', ['x', 'w'], ['p']), node('Add', ['b', 'p'], ['y'])], W, BIAS),
    'MatMul, weights transposed': matMulGraph([node('Transpose', ['w'], ['t']), node('MatMul', ['x', 't'], ['y'])], W_TURNED),
    Gemm: matMulGraph(gemm([]), W, BIAS),
    'Gemm without bias': matMulGraph(gemm([], ['x', 'w']), W),
    'Gemm with an empty bias': matMulGraph(gemm([], ['x', 'w', '']), W),
    'Gemm, weights transposed': matMulGraph(gemm([int('transB', 1)]), W_TURNED, BIAS),
    'Gemm, alpha and beta': matMulGraph(gemm([float('alpha', -2.5), float('beta', 3), int('transB', 1)]), W_TURNED, BIAS),
    'Gemm, beta 0': matMulGraph(gemm([float('beta', 0)]), W, BIAS),
  };
  for (const [name, graph] of Object.entries(cases)) {
    test(name, async (t) => {
      const quantized = await quantize(t, graph);
      assert.equal(quantized.report.matMuls + quantized.report.gemms, 1);
      assert.deepEqual(quantized.report.kept, []);
      assert.ok((await difference(quantized, X)) < CLOSE);
      const operations = countOperations(await optimize(quantized.path));
      assert.equal(operations['DynamicQuantizeMatMul'], 1, JSON.stringify(operations));
    });
  }

  test('16-bit floats, between casts', async (t) => {
    const halves = Uint16Array.from(
      noise(K * N),
      (value) => 0x3800 | (value < 0 ? 0x8000 : 0) | Math.floor(Math.abs(value) * 1023),
    );
    const weights = rawTensor('w', FLOAT16, [K, N], halves);
    const casts = [node('Cast', ['x'], ['h'], [int('to', FLOAT16)]), node('Cast', ['p'], ['y'], [int('to', 1)])];
    const nodes = [casts[0]!, node('MatMul', ['h', 'w'], ['p']), casts[1]!];
    const quantized = await quantize(t, matMulGraph(nodes, weights));
    assert.equal(quantized.report.matMuls, 1);
    assert.ok((await difference(quantized, X)) < CLOSE);
  });

  test('query, key and value share one quantised input', async (t) => {
    const nodes = [
      ...['q', 'k', 'v'].map((name) => node('MatMul', ['x', `${name}.w`], [name])),
      node('Sum', ['q', 'k', 'v'], ['y']),
    ];
    const weights = ['q', 'k', 'v'].map((name, seed) => floats(`${name}.w`, [K, N], noise(K * N, seed)));
    const quantized = await quantize(t, matMulGraph(nodes, ...weights));
    assert.equal(countOperations(quantized.model)['DynamicQuantizeLinear'], 1);
    const optimized = countOperations(await optimize(quantized.path));
    assert.deepEqual([optimized['DynamicQuantizeLinear'], optimized['MatMulIntegerToFloat']], [1, 3]);
    assert.ok((await difference(quantized, X)) < CLOSE);
  });

  test('weights of several layers are stored once, also through Identity', async (t) => {
    const square = floats('w', [K, K], noise(K * K));
    const nodes = [
      node('MatMul', ['x', 'w'], ['a']),
      node('Identity', ['w'], ['w again']),
      node('MatMul', ['a', 'w again'], ['c']),
      node('Relu', ['c'], ['y']),
    ];
    const { model, report } = await quantize(t, matMulGraph(nodes, square));
    assert.equal(report.matMuls, 2);
    assert.deepEqual(
      model.graph.initializer.map(({ name }) => name),
      ['w.int8', 'w.scale'],
    );
    assert.equal(countOperations(model)['Identity'], undefined);
  });

  test('7-bit weights where asked for', async (t) => {
    const graph = matMulGraph([node('MatMul', ['x', 'w'], ['y'])], W);
    for (const [reducedRange, largest] of [
      [true, 63],
      [false, 127],
    ] as const) {
      const { model } = await quantize(t, graph, { reducedRange });
      const [weights] = model.graph.initializer;
      const [piece] = [...(model.sources.get(weights!)?.chunks() ?? [weights!.rawData])];
      assert.equal(weights!.dataType, INT8);
      assert.equal(Math.max(...Int8Array.from(piece!).map(Math.abs)), largest);
    }
  });
});

describe('tables', () => {
  const ROWS = 40;
  const table = floats('w', [ROWS, N], noise(ROWS * N));
  const ids = idsInput([3, 0, 39, 3]);
  const gather = (nodeAttributes: Parameters<typeof node>[3] = []): GraphParts => ({
    input: 'ids',
    nodes: [node('Gather', ['w', 'ids'], ['y'], nodeAttributes)],
    initializers: [table],
  });

  test('rows become int8 with a scale each', async (t) => {
    const quantized = await quantize(t, gather());
    assert.equal(quantized.report.tables, 1);
    assert.ok((await difference(quantized, ids)) < 0.005);
    const optimized = await optimize(quantized.path);
    assert.ok(optimized.graph.initializer.some(({ dataType, dims }) => dataType === INT8 && Number(dims[0]) === ROWS));
  });

  test('small ones stay', async (t) => {
    const { report, model } = await quantize(t, gather(), { reducedRange: false });
    assert.deepEqual(report, { matMuls: 0, gemms: 0, tables: 0, kept: [] });
    assert.deepEqual(countOperations(model), { Gather: 1 });
  });

  test('another axis, constant ids and short rows stay', async (t) => {
    assert.equal((await quantize(t, gather([attributes.int('axis', 1)]))).report.tables, 0);
    const constant = [node('Gather', ['w', 'i'], ['rows']), node('Gather', ['rows', 'ids'], ['y'])];
    const parts: GraphParts = { input: 'ids', nodes: constant, initializers: [table, int64s('i', [1, 2, 3])] };
    assert.equal((await quantize(t, parts)).report.tables, 0);
    const short: GraphParts = { ...gather(), initializers: [floats('w', [40, 2], noise(80))] };
    assert.deepEqual((await quantize(t, short)).report.kept, ['Gather Gather y: the rows of its table are 2 long']);
  });

  test('a table that is also a weight is stored both ways', async (t) => {
    const nodes = [
      node('Gather', ['w', 'ids'], ['rows']),
      node('Transpose', ['w'], ['turned']),
      node('MatMul', ['rows', 'turned'], ['y']),
    ];
    const quantized = await quantize(t, { input: 'ids', nodes, initializers: [table] });
    assert.deepEqual({ ...quantized.report }, { matMuls: 1, gemms: 0, tables: 1, kept: [] });
    assert.ok((await difference(quantized, ids)) < CLOSE);
  });
});

describe('what stays in float, and why', () => {
  const reasons: Readonly<Record<string, readonly [GraphParts, RegExp | null]>> = {
    'both operands computed': [matMulGraph([node('Transpose', ['x'], ['t']), node('MatMul', ['x', 't'], ['y'])]), null],
    'constant on the left': [
      matMulGraph([node('Transpose', ['x'], ['t']), node('MatMul', ['w', 't'], ['y'])], W_TURNED),
      /left operand/,
    ],
    'no input': [
      matMulGraph(
        [node('MatMul', ['v', 'w'], ['c']), node('Add', ['x', 'c'], ['y'])],
        floats('w', [K, K], noise(K * K)),
        floats('v', [1, K], noise(K)),
      ),
      /depends on no input/,
    ],
    'three dimensions': [
      matMulGraph([node('MatMul', ['x', 'w'], ['y'])], floats('w', [2, K, N], noise(2 * K * N))),
      /3 dimensions/,
    ],
    'an operation that is not followed': [
      matMulGraph([node('Exp', ['w'], ['e']), node('MatMul', ['x', 'e'], ['y'])], W),
      /come through Exp/,
    ],
    transA: [
      matMulGraph([node('Gemm', ['x', 'w'], ['y'], [attributes.int('transA', 1)])], floats('w', [5, N], noise(5 * N))),
      /transposes its input/,
    ],
  };
  for (const [name, [graph, reason]] of Object.entries(reasons)) {
    test(name, async (t) => {
      const quantized = await quantize(t, graph);
      const { report } = quantized;
      assert.equal(report.matMuls + report.gemms, 0);
      assert.equal(report.kept.length, reason === null ? 0 : 1);
      if (reason !== null) assert.match(report.kept[0]!, reason);
      assert.equal(await difference(quantized, X), 0);
    });
  }

  test('products inside control flow; their weights are not dropped', async (t) => {
    const branch = (name: string, weights: string) =>
      create(GraphProtoSchema, {
        name,
        node: [node('MatMul', ['x', weights], [`${name}.y`])],
        output: [create(ValueInfoProtoSchema, { name: `${name}.y` })],
      });
    const nodes = [
      node('ReduceSum', ['x'], ['sum'], [attributes.int('keepdims', 0)]),
      node('Greater', ['sum', 'zero'], ['positive']),
      node(
        'If',
        ['positive'],
        ['y'],
        [attributes.graph('then_branch', branch('then', 'w')), attributes.graph('else_branch', branch('else', 'v'))],
      ),
    ];
    const parts = matMulGraph(nodes, W, floats('v', [K, N], noise(K * N, 9)), floats('zero', [], [0]));
    const quantized = await quantize(t, parts);
    assert.equal(quantized.report.kept.length, 2);
    assert.match(quantized.report.kept[0]!, /inside If/);
    assert.equal(await difference(quantized, X), 0);
  });

  test('a graph that is fused already', async (t) => {
    const fused = node('FusedMatMul', ['x', 'w'], ['y']);
    fused.domain = 'com.microsoft';
    const parts = onnxModel(matMulGraph([fused], W));
    const { report } = await quantize(t, parts);
    assert.match(report.kept[0]!, /fused already/);
  });

  test('a weight another node reads stays for that node', async (t) => {
    const square = floats('w', [K, K], noise(K * K));
    const nodes = [
      node('MatMul', ['x', 'w'], ['p']),
      node('MatMul', ['p', 'w'], ['r']),
      node('Exp', ['w'], ['e']),
      node('MatMul', ['r', 'e'], ['y']),
    ];
    const quantized = await quantize(t, matMulGraph(nodes, square));
    assert.deepEqual(
      quantized.model.graph.initializer.map(({ name }) => name),
      ['w', 'w.int8', 'w.scale'],
    );
    assert.ok((await difference(quantized, X)) < CLOSE);
  });
});

describe('the file', () => {
  test('stale facts of values that are gone do not hinder loading, and names stay unique', async (t) => {
    const nodes = [
      node('Identity', ['w'], ['w.int8']),
      node('MatMul', ['x', 'w.int8'], ['y.integers']),
      node('Relu', ['y.integers'], ['y']),
    ];
    const model = onnxModel(matMulGraph(nodes, W));
    model.graph.valueInfo.push(...['w.int8', 'y.integers', 'gone'].map((name) => create(ValueInfoProtoSchema, { name })));
    const quantized = await quantize(t, model);
    assert.deepEqual(
      quantized.model.graph.valueInfo.map(({ name }) => name),
      ['y.integers'],
    );
    const names = quantized.model.graph.node.flatMap(({ output }) => output);
    assert.equal(new Set(names).size, names.length);
    assert.ok((await difference(quantized, X)) < CLOSE);
  });

  test('an initializer that is listed as an input is a constant', async (t) => {
    const model = onnxModel(matMulGraph([node('MatMul', ['x', 'w'], ['y'])], W));
    model.proto.irVersion = 3n;
    model.graph.input.push(create(ValueInfoProtoSchema, { name: 'w', type: model.graph.input[0]!.type! }));
    const quantized = await quantize(t, model);
    assert.deepEqual(
      quantized.model.graph.input.map(({ name }) => name),
      ['x'],
    );
    assert.ok((await difference(quantized, X)) < CLOSE);
  });

  test('an old operator set and weights that are not finite are refused', async (t) => {
    const parts = matMulGraph([node('MatMul', ['x', 'w'], ['y'])], W);
    const isRefused = (pattern: RegExp) => (error: unknown) =>
      error instanceof RerankError && error.code === 'model_files' && pattern.test(error.message);
    await assert.rejects(quantize(t, { ...parts, opset: 10 }), isRefused(/opset 10; int8 needs 11/));
    await quantize(t, { ...parts, opset: 11 });
    const broken = floats('w', [K, N], Float32Array.from(noise(K * N)).fill(Number.NaN, 7, 8));
    await assert.rejects(quantize(t, { ...parts, initializers: [broken] }), isRefused(/'w' are not all finite/));
  });

  test('progress rises to the whole', async (t) => {
    const seen: (readonly [number, number])[] = [];
    const onProgress = (done: number, total: number) => seen.push([done, total]);
    await quantize(t, matMulGraph([node('MatMul', ['x', 'w'], ['y'])], W), { reducedRange: false, onProgress });
    assert.deepEqual(seen.at(-1), [K * N + 4 * N, K * N + 4 * N]);
    assert.ok(seen.every(([done], index) => index === 0 || done > seen[index - 1]![0]));
  });
});

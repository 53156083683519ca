// BERT for sequence classification as torch.onnx exports it (opset 17, nothing fused), with random weights.
//
// Initializers carry the state-dict names of transformers' BertForSequenceClassification. The weights of the encoder's linear layers are
// stored transposed, [in, out], because MatMul takes them so; those of pooler and classifier are [out, in] as in torch (Gemm with transB).

import { FLOAT, GraphBuilder, INT64 } from '../../src/model/onnx/graph-builder.ts';
import type { OnnxModel } from '../../src/model/onnx/onnx-model.ts';
import { seedOf } from '../random.ts';
import type { BertShape } from './bert-shape.ts';
import { RandomTensor } from './random-tensor.ts';

/** BERT's initializer_range. */
const DEVIATION = 0.02;

/** A trained head spreads its logits over a few units; with BERT's 0.02 all random texts would score alike. */
const CLASSIFIER_DEVIATION = 0.2;

const EPSILON = 1e-12;

/** What the exporter writes for torch.finfo(float32).min. */
const MASKED = -3.4028234663852886e38;

/** @param seed changes every weight */
export function bertModel(shape: BertShape, seed: number): OnnxModel {
  const bert = new BertGraph(shape, seed);
  bert.build();
  return bert.graph.model;
}

class BertGraph {
  readonly graph: GraphBuilder;
  readonly #shape: BertShape;
  readonly #seed: number;

  constructor(shape: BertShape, seed: number) {
    this.graph = new GraphBuilder(shape.name);
    this.#shape = shape;
    this.#seed = seed;
  }

  build(): void {
    const { graph } = this;
    const dims = ['batch_size', 'sequence_length'];
    const ids = graph.input('input_ids', INT64, dims);
    const mask = graph.input('attention_mask', INT64, dims);
    const types = graph.input('token_type_ids', INT64, dims);
    graph.output('logits', FLOAT, ['batch_size', 1]);
    const additiveMask = this.#additiveMask(mask);
    let hidden = this.#embeddings(ids, types);
    for (let layer = 0; layer < this.#shape.layers; layer += 1) hidden = this.#layer(layer, hidden, additiveMask);
    this.#head(hidden);
  }

  /** `[batch, 1, 1, sequence]`: 0 where a token is, the lowest float where padding is. */
  #additiveMask(mask: string): string {
    const { graph } = this;
    const expanded = graph.node('Unsqueeze', [mask, graph.integers([1n, 2n])]);
    const kept = graph.node('Cast', [expanded], { to: BigInt(FLOAT) });
    return graph.node('Mul', [graph.node('Sub', [graph.scalar(1), kept]), graph.scalar(MASKED)]);
  }

  #embeddings(ids: string, types: string): string {
    const { graph } = this;
    const { hidden, vocabulary, positions } = this.#shape;
    const prefix = 'bert.embeddings';
    const words = graph.node('Gather', [this.#random(`${prefix}.word_embeddings.weight`, [vocabulary, hidden]), ids]);
    const kinds = graph.node('Gather', [this.#random(`${prefix}.token_type_embeddings.weight`, [2, hidden]), types]);
    const places = graph.node('Gather', [
      this.#random(`${prefix}.position_embeddings.weight`, [positions, hidden]),
      this.#positionIds(ids),
    ]);
    const sum = graph.node('Add', [graph.node('Add', [words, kinds]), places]);
    return this.#layerNorm(`${prefix}.LayerNorm`, sum);
  }

  /** The first `sequence` of 0, 1, 2 ... */
  #positionIds(ids: string): string {
    const { graph } = this;
    const count = this.#shape.positions;
    const all = graph.integers(
      Array.from({ length: count }, (_, i) => BigInt(i)),
      [1n, BigInt(count)],
    );
    const length = graph.node('Gather', [graph.node('Shape', [ids]), graph.integers([1n], [])], { axis: 0n });
    const end = graph.node('Unsqueeze', [length, graph.integers([0n])]);
    return graph.node('Slice', [all, graph.integers([0n]), end, graph.integers([1n]), graph.integers([1n])]);
  }

  #layer(index: number, input: string, mask: string): string {
    const { hidden, intermediate } = this.#shape;
    const prefix = `bert.encoder.layer.${index}`;
    const context = this.#attention(`${prefix}.attention.self`, input, mask);
    const projected = this.#linear(`${prefix}.attention.output.dense`, context, hidden, hidden);
    const attended = this.#layerNorm(`${prefix}.attention.output.LayerNorm`, this.graph.node('Add', [projected, input]));
    const wide = this.#gelu(this.#linear(`${prefix}.intermediate.dense`, attended, hidden, intermediate));
    const narrow = this.#linear(`${prefix}.output.dense`, wide, intermediate, hidden);
    return this.#layerNorm(`${prefix}.output.LayerNorm`, this.graph.node('Add', [narrow, attended]));
  }

  #attention(prefix: string, input: string, mask: string): string {
    const { graph } = this;
    const { hidden, heads } = this.#shape;
    const part = (name: string, perm: readonly bigint[]): string =>
      this.#split(this.#linear(`${prefix}.${name}`, input, hidden, hidden), perm);
    const query = part('query', [0n, 2n, 1n, 3n]);
    const key = part('key', [0n, 2n, 3n, 1n]);
    const value = part('value', [0n, 2n, 1n, 3n]);
    const scaled = graph.node('Div', [graph.node('MatMul', [query, key]), graph.scalar(Math.sqrt(hidden / heads))]);
    const weights = graph.node('Softmax', [graph.node('Add', [scaled, mask])], { axis: -1n });
    const joined = graph.node('Transpose', [graph.node('MatMul', [weights, value])], { perm: [0n, 2n, 1n, 3n] });
    return graph.node('Reshape', [joined, graph.integers([0n, 0n, BigInt(hidden)])]);
  }

  /** `[batch, sequence, hidden]` -> heads apart, axes in the order `perm` of `[batch, sequence, heads, size]`. */
  #split(input: string, perm: readonly bigint[]): string {
    const { hidden, heads } = this.#shape;
    const apart = this.graph.integers([0n, 0n, BigInt(heads), BigInt(hidden / heads)]);
    return this.graph.node('Transpose', [this.graph.node('Reshape', [input, apart])], { perm });
  }

  /** 0.5 x (1 + erf(x / sqrt 2)), as the exporter writes it. */
  #gelu(input: string): string {
    const { graph } = this;
    const erf = graph.node('Erf', [graph.node('Div', [input, graph.scalar(Math.SQRT2)])]);
    const shifted = graph.node('Add', [erf, graph.scalar(1)]);
    return graph.node('Mul', [graph.node('Mul', [input, shifted]), graph.scalar(0.5)]);
  }

  #linear(prefix: string, input: string, from: number, to: number): string {
    const product = this.graph.node('MatMul', [input, this.#random(`${prefix}.weight`, [from, to])]);
    return this.graph.node('Add', [this.#random(`${prefix}.bias`, [to]), product]);
  }

  #layerNorm(prefix: string, input: string): string {
    const dims = [this.#shape.hidden];
    const scale = this.#random(`${prefix}.weight`, dims, { mean: 1, deviation: 0 });
    const bias = this.#random(`${prefix}.bias`, dims, { mean: 0, deviation: 0 });
    return this.graph.node('LayerNormalization', [input, scale, bias], { axis: -1n, epsilon: EPSILON });
  }

  /** Pooler and classifier over the first token. */
  #head(hidden: string): void {
    const { graph } = this;
    const size = this.#shape.hidden;
    const first = graph.node('Gather', [hidden, graph.integers([0n], [])], { axis: 1n });
    const dense = this.#gemm('bert.pooler.dense', first, [size, size], DEVIATION);
    this.#gemm('classifier', graph.node('Tanh', [dense]), [1, size], CLASSIFIER_DEVIATION, 'logits');
  }

  #gemm(prefix: string, input: string, dims: readonly [number, number], deviation: number, output?: string): string {
    const weight = this.#random(`${prefix}.weight`, dims, { mean: 0, deviation });
    const bias = this.#random(`${prefix}.bias`, [dims[0]]);
    return this.graph.node('Gemm', [input, weight, bias], { transB: 1n }, output);
  }

  #random(name: string, dims: readonly number[], draw = { mean: 0, deviation: DEVIATION }): string {
    const count = dims.reduce((product, dim) => product * dim, 1);
    return this.graph.weights(name, dims, new RandomTensor(count, { ...draw, seed: seedOf(name) ^ this.#seed }));
  }
}

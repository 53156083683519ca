// What all architectures are made of: linear layers, norms, tables, and arithmetic, over one graph and one checkpoint.

import { FLOAT, type GraphBuilder, INT64 } from '../graph-builder.ts';
import { TurnedSource } from '../safetensors/turned-source.ts';
import type { WeightTensor } from '../safetensors/weight-tensor.ts';
import type { Config } from './config.ts';
import { Memo } from './memo.ts';
import type { Weights } from './weights.ts';

/** Of a linear layer. */
export interface LinearSizes {
  readonly from: number;
  readonly to: number;
  /** Whether it has one; true when not given. */
  readonly bias?: boolean;
  /** Some of its outputs only: of layers that are stored as one. */
  readonly part?: { readonly start: number; readonly count: number };
}

export interface NormSizes {
  readonly size: number;
  readonly epsilon: number;
  /** Whether it has one; true when not given. */
  readonly bias?: boolean;
}

/** A graph being built. Names stand for values: `[batch, positions, size]` where nothing else is said. */
export class Net {
  readonly graph: GraphBuilder;
  readonly config: Config;
  readonly weights: Weights;
  /** Weights that are in the graph already: layers may share them. */
  readonly #stored = new Memo();

  /** Before the names of weights in the graph: those of several checkpoints may be alike. */
  readonly #label: string;

  constructor(graph: GraphBuilder, config: Config, weights: Weights, label = '') {
    this.graph = graph;
    this.config = config;
    this.weights = weights;
    this.#label = label;
  }

  /** The same graph, with another checkpoint's weights. */
  part(label: string, weights: Weights): Net {
    return new Net(this.graph, this.config, weights, label);
  }

  /** A weight as it is stored. */
  tensor(name: string, dims: readonly number[]): string {
    return this.stored(this.weights.take(name, dims));
  }

  stored(tensor: WeightTensor): string {
    return this.#stored.once(tensor.name, () => this.graph.weights(this.#label + tensor.name, tensor.dims, tensor.floats()));
  }

  /** A matrix `[out, in]` turned to what MatMul takes. */
  turned(tensor: WeightTensor): string {
    const [to, from] = tensor.dims as [number, number];
    const name = `${this.#label}${tensor.name}.T`;
    return this.#stored.once(name, () => this.graph.weights(name, [from, to], new TurnedSource(tensor.floats(), to, from)));
  }

  /** `x W + b` */
  linear(name: string, input: string, { from, to, bias = true, part }: LinearSizes): string {
    const cut = (tensor: WeightTensor): WeightTensor => (part === undefined ? tensor : tensor.rows(part.start, part.count));
    const product = this.node('MatMul', input, this.turned(cut(this.weights.take(`${name}.weight`, [to, from]))));
    return bias ? this.node('Add', product, this.stored(cut(this.weights.take(`${name}.bias`, [to])))) : product;
  }

  /** A linear layer of one vector a text, `[batch, from]` to `[batch, to]`. */
  gemm(name: string, input: string, { from, to, bias = true }: LinearSizes): string {
    const weight = this.tensor(`${name}.weight`, [to, from]);
    const terms = bias ? [this.tensor(`${name}.bias`, [to])] : [];
    return this.graph.node('Gemm', [input, weight, ...terms], { transB: 1n });
  }

  /** Rows of a table. @param ids int64 of any shape */
  lookup(name: string, dims: readonly [rows: number, size: number], ids: string): string {
    return this.node('Gather', this.tensor(name, dims), ids);
  }

  /** Layer normalisation over the last axis. */
  layerNorm(name: string, input: string, { size, epsilon, bias = true }: NormSizes): string {
    const weight = this.tensor(`${name}.weight`, [size]);
    const terms = bias ? [this.tensor(`${name}.bias`, [size])] : [];
    return this.graph.node('LayerNormalization', [input, weight, ...terms], { axis: -1n, epsilon });
  }

  /**
   * `x / sqrt(mean(x^2) + epsilon) * weight` over the last axis.
   *
   * The runtime's own operation: it fuses only some of what exporters write for it to this.
   */
  rmsNorm(weight: string, input: string, epsilon: number): string {
    return this.graph.node('SimplifiedLayerNormalization', [input, weight], { axis: -1n, epsilon, stash_type: 1n });
  }

  /** A node without attributes. */
  node(opType: string, ...input: string[]): string {
    return this.graph.node(opType, input);
  }

  /** @param dims 0 keeps an axis, -1 is what is left */
  reshape(input: string, ...dims: number[]): string {
    return this.node('Reshape', input, this.graph.integers(dims.map(BigInt)));
  }

  transpose(input: string, ...perm: number[]): string {
    return this.graph.node('Transpose', [input], { perm: perm.map(BigInt) });
  }

  unsqueeze(input: string, ...axes: number[]): string {
    return this.node('Unsqueeze', input, this.graph.integers(axes.map(BigInt)));
  }

  /** `[start, end)` of one axis. @param start,end int64 `[1]` */
  slice(input: string, axis: number, start: string, end: string): string {
    return this.node('Slice', input, start, end, this.graph.integers([BigInt(axis)]));
  }

  /** A constant int64 `[1]`. */
  integer(value: number): string {
    return this.graph.integers([BigInt(value)]);
  }

  concat(axis: number, ...input: string[]): string {
    return this.graph.node('Concat', input, { axis: BigInt(axis) });
  }

  toFloat(input: string): string {
    return this.graph.node('Cast', [input], { to: BigInt(FLOAT) });
  }

  toInteger(input: string): string {
    return this.graph.node('Cast', [input], { to: BigInt(INT64) });
  }
}

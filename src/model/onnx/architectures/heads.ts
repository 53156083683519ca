// Classifiers over one vector a text.

import { activate } from './activations.ts';
import type { Net } from './net.ts';

export interface DenseHead {
  readonly dense: string;
  readonly activation: string;
  readonly output: string;
  /** Of the vector; `hidden_size` when not given. */
  readonly size?: number;
}

/** A dense layer, an activation, and the layer of the labels. */
export function denseHead(net: Net, input: string, head: DenseHead): string {
  const { dense, activation, output, size = net.config.size('hidden_size') } = head;
  const inner = activate(net, activation, net.gemm(dense, input, { from: size, to: size }));
  return net.gemm(output, inner, { from: size, to: net.config.labels });
}

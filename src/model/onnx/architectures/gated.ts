// The wide half of a gated feed-forward: two linear layers, one activated, multiplied. They are stored as one.

import { activate } from './activations.ts';
import type { Net } from './net.ts';

export interface Gated {
  readonly from: number;
  /** Of the product. */
  readonly to: number;
  readonly activation: string;
  /** Which half of the outputs is activated. */
  readonly activated: 'first' | 'second';
  readonly bias: boolean;
}

/** Computed as two products: cutting one apart would copy it. */
export function gated(net: Net, name: string, input: string, { from, to, activation, activated, bias }: Gated): string {
  const half = (start: number): string => net.linear(name, input, { from, to: 2 * to, bias, part: { start, count: to } });
  const [first, second] = [half(0), half(to)];
  if (activated === 'first') return net.node('Mul', activate(net, activation, first), second);
  return net.node('Mul', first, activate(net, activation, second));
}

// One vector a text from the states of its tokens.

import type { Net } from './net.ts';
import type { Tokens } from './tokens.ts';

/** The mean over the tokens that are no padding: `[batch, length, size]` -> `[batch, size]`. */
export function meanOf(net: Net, states: string, tokens: Tokens): string {
  const { graph } = net;
  if (tokens.mask === null) return graph.node('ReduceMean', [states], { axes: [1n], keepdims: 0n });
  const kept = net.toFloat(net.unsqueeze(tokens.mask, 2));
  const sum = graph.node('ReduceSum', [net.node('Mul', states, kept), net.integer(1)], { keepdims: 0n });
  return net.node('Div', sum, graph.node('ReduceSum', [kept, net.integer(1)], { keepdims: 0n }));
}

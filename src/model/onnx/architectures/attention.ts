// Attention of several heads, as exporters write it: the runtime makes the fastest kernels of that.

import type { Net } from './net.ts';

/** Sizes of an attention layer. */
export interface Heads {
  readonly count: number;
  readonly size: number;
}

/** `[batch, positions, count * size]` -> `[batch, count, positions, size]` */
export function splitHeads(net: Net, input: string, count: number, size: number): string {
  return net.transpose(net.reshape(input, 0, 0, count, size), 0, 2, 1, 3);
}

/** `[batch, positions, count * size]` -> `[batch, count, size, positions]`: keys as the product takes them. */
export function splitKeys(net: Net, input: string, count: number, size: number): string {
  return net.transpose(net.reshape(input, 0, 0, count, size), 0, 2, 3, 1);
}

/** `[batch, count, positions, size]` -> `[batch, positions, count * size]` */
export function joinHeads(net: Net, input: string, { count, size }: Heads): string {
  return net.reshape(net.transpose(input, 0, 2, 1, 3), 0, 0, count * size);
}

/** What is added to the scores, `[.., queries, length]` each; null adds nothing. */
type Biases = readonly (string | null)[];

/** Query, key and value as `[batch, positions, count * size]`. */
export interface Attention {
  readonly query: string;
  readonly key: string;
  readonly value: string;
  readonly biases: Biases;
}

/** @returns `[batch, queries, count * size]` */
export function attention(net: Net, sizes: Heads, { query, key, value, biases }: Attention): string {
  const { count, size } = sizes;
  const apart = splitHeads(net, query, count, size);
  const scores = scaledScores(net, sizes, apart, splitKeys(net, key, count, size));
  return weighted(net, sizes, { scores, value: splitHeads(net, value, count, size), biases });
}

/** @param keys `[batch, count, size, length]` */
export function scaledScores(net: Net, { size }: Heads, query: string, keys: string): string {
  return net.node('Div', net.node('MatMul', query, keys), net.graph.scalar(Math.sqrt(size)));
}

/** The values weighted by the softmax of the scores; heads side by side. @param value `[batch, count, length, size]` */
export function weighted(
  net: Net,
  sizes: Heads,
  { scores, value, biases }: { readonly scores: string; readonly value: string; readonly biases: Biases },
): string {
  const sum = biases.reduce<string>((total, bias) => (bias === null ? total : net.node('Add', total, bias)), scores);
  const weights = net.graph.node('Softmax', [sum], { axis: -1n });
  return joinHeads(net, net.node('MatMul', weights, value), sizes);
}

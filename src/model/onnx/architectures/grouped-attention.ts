// Attention in which several heads of queries share a head of keys and values.

import { type Heads, joinHeads } from './attention.ts';
import type { Net } from './net.ts';

export interface GroupedHeads extends Heads {
  /** Heads of keys and values; `count` is a multiple of it. */
  readonly keyCount: number;
  /** Scores are multiplied by it. */
  readonly scale: number;
  /** Scores are bent by a tanh to stay below it; null where they are not. */
  readonly cap: number | null;
}

/** Heads apart, `[batch, heads, positions, size]`; the bias is added to the scores. */
export interface GroupedAttention {
  readonly query: string;
  readonly key: string;
  readonly value: string;
  readonly bias: string | null;
}

/**
 * The queries of a group are stacked, so that each product is one over all of them and no key is copied.
 *
 * @returns `[batch, queries, count * size]`
 */
export function groupedAttention(net: Net, heads: GroupedHeads, { query, key, value, bias }: GroupedAttention): string {
  const { count, keyCount, size, scale } = heads;
  const isGrouped = keyCount !== count;
  const stacked = (states: string, width: number): string => (isGrouped ? net.reshape(states, 0, keyCount, -1, width) : states);
  const apart = (states: string, width: number): string => (isGrouped ? net.reshape(states, 0, count, -1, width) : states);
  const products = net.node('MatMul', stacked(query, size), net.transpose(key, 0, 1, 3, 2));
  const scaled = net.node('Mul', products, net.graph.scalar(scale));
  // A width of 0 keeps the axis, whatever the length of the run.
  const scores = apart(capped(net, scaled, heads.cap), 0);
  const seen = bias === null ? scores : net.node('Add', scores, bias);
  const weights = net.graph.node('Softmax', [seen], { axis: -1n });
  return joinHeads(net, apart(net.node('MatMul', stacked(weights, 0), value), size), heads);
}

/** `cap * tanh(x / cap)` */
export function capped(net: Net, input: string, cap: number | null): string {
  if (cap === null) return input;
  const bent = net.node('Tanh', net.node('Div', input, net.graph.scalar(cap)));
  return net.node('Mul', bent, net.graph.scalar(cap));
}

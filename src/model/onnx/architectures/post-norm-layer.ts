// A layer of BERT's kind: attention and feed-forward, each followed by the sum with its input and a norm.

import { activate } from './activations.ts';
import { attention } from './attention.ts';
import type { Net } from './net.ts';
import type { Queries } from './tokens.ts';

/** Where the parts of a layer lie in the checkpoint. */
export interface PostNormNames {
  /** Query, key and value; one name where they are stored as one layer, in this order. */
  readonly projections: readonly [query: string, key: string, value: string] | string;
  readonly output: string;
  readonly attentionNorm: string;
  readonly wide: string;
  readonly narrow: string;
  readonly outputNorm: string;
}

export interface PostNormSizes {
  readonly hidden: number;
  readonly heads: number;
  readonly intermediate: number;
  readonly activation: string;
  readonly epsilon: number;
}

/** @param biases added to the attention's scores */
export function postNormLayer(
  net: Net,
  { names, sizes }: { readonly names: PostNormNames; readonly sizes: PostNormSizes },
  { states, queries, biases }: { states: string; queries: Queries; biases: readonly (string | null)[] },
): string {
  const { hidden } = sizes;
  const own = queries.select(states);
  const part = (at: number, input: string): string => projection(net, names.projections, { at, input, hidden });
  const context = attention(
    net,
    { count: sizes.heads, size: net.config.part(hidden, sizes.heads) },
    {
      query: part(0, own),
      key: bareKeys(net, names.projections, states, hidden),
      value: part(2, states),
      biases,
    },
  );
  return afterAttention(net, { names, sizes }, { own, context });
}

/** One of query, key and value, by its place. */
export function projection(
  net: Net,
  names: readonly string[] | string,
  { at, input, hidden }: { at: number; input: string; hidden: number },
): string {
  if (typeof names !== 'string') return net.linear(names[at]!, input, { from: hidden, to: hidden });
  return net.linear(names, input, { from: hidden, to: 3 * hidden, part: { start: at * hidden, count: hidden } });
}

/**
 * The keys without their bias: it adds the same to all scores of a query, and a softmax does not see that.
 *
 * Only where nothing stands between this layer and the scores.
 */
function bareKeys(net: Net, names: readonly string[] | string, input: string, hidden: number): string {
  const [name, to] = typeof names === 'string' ? [names, 3 * hidden] : [names[1]!, hidden];
  net.weights.take(`${name}.bias`, [to]);
  const part = typeof names === 'string' ? { part: { start: hidden, count: hidden } } : {};
  return net.linear(name, input, { from: hidden, to, bias: false, ...part });
}

/** What follows the attention of such a layer, for those that have an attention of their own. */
export function afterAttention(
  net: Net,
  { names, sizes }: { readonly names: PostNormNames; readonly sizes: PostNormSizes },
  { own, context }: { own: string; context: string },
): string {
  const { hidden, intermediate, activation, epsilon } = sizes;
  const [square, norm] = [
    { from: hidden, to: hidden },
    { size: hidden, epsilon },
  ];
  const projected = net.linear(names.output, context, square);
  const attended = net.layerNorm(names.attentionNorm, net.node('Add', projected, own), norm);
  const wide = activate(net, activation, net.linear(names.wide, attended, { from: hidden, to: intermediate }));
  const narrow = net.linear(names.narrow, wide, { from: intermediate, to: hidden });
  return net.layerNorm(names.outputNorm, net.node('Add', narrow, attended), norm);
}

export function bertSizes({ config }: Net): PostNormSizes {
  return {
    hidden: config.size('hidden_size'),
    heads: config.size('num_attention_heads'),
    intermediate: config.size('intermediate_size'),
    activation: config.text('hidden_act', 'gelu'),
    epsilon: config.number('layer_norm_eps', 1e-12),
  };
}

/** Names of BERT and of all that copied its code. */
export function bertNames(prefix: string): PostNormNames {
  return {
    projections: [`${prefix}attention.self.query`, `${prefix}attention.self.key`, `${prefix}attention.self.value`],
    output: `${prefix}attention.output.dense`,
    attentionNorm: `${prefix}attention.output.LayerNorm`,
    wide: `${prefix}intermediate.dense`,
    narrow: `${prefix}output.dense`,
    outputNorm: `${prefix}output.LayerNorm`,
  };
}

/** Names of flash attention's BERT. */
export function flashNames(prefix: string): PostNormNames {
  return {
    projections: `${prefix}mixer.Wqkv`,
    output: `${prefix}mixer.out_proj`,
    attentionNorm: `${prefix}norm1`,
    wide: `${prefix}mlp.fc1`,
    narrow: `${prefix}mlp.fc2`,
    outputNorm: `${prefix}norm2`,
  };
}

// A layer of BERT's kind: attention and feed-forward, each followed by the sum with its input and a norm.

import { activate } from './activations.ts';
import { attention } from './attention.ts';
import type { Net } from './net.ts';
import type { Queries } from './tokens.ts';

/** Where the parts of a layer lie in the checkpoint. */
export interface PostNormNames {
  readonly query: string;
  readonly key: string;
  readonly value: string;
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
  const square = { from: hidden, to: hidden };
  const own = queries.select(states);
  const context = attention(
    net,
    { count: sizes.heads, size: hidden / sizes.heads },
    {
      query: net.linear(names.query, own, square),
      key: net.linear(names.key, states, square),
      value: net.linear(names.value, states, square),
      biases,
    },
  );
  return afterAttention(net, { names, sizes }, { own, context });
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
    query: `${prefix}attention.self.query`,
    key: `${prefix}attention.self.key`,
    value: `${prefix}attention.self.value`,
    output: `${prefix}attention.output.dense`,
    attentionNorm: `${prefix}attention.output.LayerNorm`,
    wide: `${prefix}intermediate.dense`,
    narrow: `${prefix}output.dense`,
    outputNorm: `${prefix}output.LayerNorm`,
  };
}

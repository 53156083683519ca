// Jina's BERT in both its layouts: a bias that falls with the distance (ALiBi), a gated feed-forward.

import { RerankError } from '../../../errors.ts';
import { activate } from './activations.ts';
import { type Architecture, type Body, layers } from './architecture.ts';
import { attention } from './attention.ts';
import { BERT, tokenTypes } from './bert.ts';
import type { Config } from './config.ts';
import { gated } from './gated.ts';
import { Memo } from './memo.ts';
import type { Net } from './net.ts';
import type { Queries, Tokens } from './tokens.ts';

export const JINA_BERT: Architecture = {
  ...BERT,
  name: 'JinaBertForSequenceClassification',
  body: jinaBody,
  // A BERT of the same model type has none of these.
  isStoredAs: /\.mlp\.(gated_layers|up_gated_layer|up_layer)\.weight$/,
};

function jinaBody(body: Body): string {
  const { net, tokens } = body;
  const { config } = net;
  const positions = config.text('position_embedding_type', 'absolute');
  if (positions !== 'alibi')
    throw new RerankError('model_files', `config.json: position_embedding_type '${positions}' is not supported here, only alibi`);
  const prefix = net.weights.prefix(['bert.', ''], 'embeddings.word_embeddings.weight');
  const hidden = config.size('hidden_size');
  const name = `${prefix}embeddings.`;
  const words = net.lookup(`${name}word_embeddings.weight`, [config.size('vocab_size'), hidden], tokens.ids);
  const typed = net.node('Add', words, tokenTypes(net, tokens, `${name}token_type_embeddings.weight`, hidden));
  const embedded = norm(net, `${name}LayerNorm`, typed);
  const biases = new Memo();
  return layers(body, config.size('num_hidden_layers'), embedded, (index, states, queries) => {
    const bias = biases.once(queries.reads, () => distanceBias(net, tokens, queries));
    return jinaLayer(net, `${prefix}encoder.layer.${index}.`, { states, queries, bias });
  });
}

/**
 * What falls with the distance, head by head, and the mask, added up once for all layers:
 * `[1 or batch, heads, queries, length]`.
 */
function distanceBias(net: Net, tokens: Tokens, queries: Queries): string {
  const { graph, config } = net;
  const slopes = alibiSlopes(config.size('num_attention_heads')).map((slope) => Math.fround(-slope));
  const away = net.unsqueeze(net.toFloat(net.node('Abs', tokens.distances(queries))), 1);
  const falling = net.node('Mul', away, graph.floats(slopes, [BigInt(slopes.length), 1n, 1n]));
  const mask = tokens.bias(queries);
  return mask === null ? falling : net.node('Add', falling, mask);
}

/** A power of two of heads has a geometric series; others take every other slope of the next power for the rest. */
export function alibiSlopes(heads: number): number[] {
  const power = 2 ** Math.floor(Math.log2(heads));
  const start = 2 ** -(2 ** -(Math.log2(power) - 3));
  const series = Array.from({ length: power }, (_, i) => start * start ** i);
  if (power === heads) return series;
  const rest = alibiSlopes(2 * power).filter((_, i) => i % 2 === 0);
  return [...series, ...rest.slice(0, heads - power)];
}

function jinaLayer(
  net: Net,
  name: string,
  { states, queries, bias }: { states: string; queries: Queries; bias: string },
): string {
  const { config } = net;
  const [hidden, count] = [config.size('hidden_size'), config.size('num_attention_heads')];
  const square = { from: hidden, to: hidden };
  const isNormed = net.weights.has(`${name}attention.self.layer_norm_q.weight`);
  const part = (what: string, input: string): string => {
    const linear = net.linear(`${name}attention.self.${what}`, input, square);
    return isNormed && what !== 'value' ? norm(net, `${name}attention.self.layer_norm_${what[0]}`, linear) : linear;
  };
  const own = queries.select(states);
  const sizes = { count, size: config.part(hidden, count) };
  const parts = { query: part('query', own), key: part('key', states), value: part('value', states) };
  const context = attention(net, sizes, { ...parts, biases: [bias] });
  const projected = net.linear(`${name}attention.output.dense`, context, square);
  const attended = norm(net, `${name}attention.output.LayerNorm`, net.node('Add', projected, own));
  if (!isNormed)
    return norm(net, `${name}mlp.layernorm`, net.node('Add', attended, feedForward(net, `${name}mlp.`, attended, false)));
  // The later layout adds the input once more, between norms of its own.
  const again = norm(net, `${name}layer_norm_1`, net.node('Add', own, attended));
  return norm(net, `${name}layer_norm_2`, net.node('Add', again, feedForward(net, `${name}mlp.`, again, true)));
}

function feedForward(net: Net, name: string, input: string, isLater: boolean): string {
  const { config } = net;
  const [from, inner] = [config.size('hidden_size'), config.size('intermediate_size')];
  const output = `${name}${isLater ? 'down_layer' : 'wo'}`;
  if (isLater && !feedForwardType(config).endsWith('glu')) {
    const wide = net.linear(`${name}up_layer`, input, { from, to: inner, bias: false });
    return net.linear(output, activate(net, config.text('hidden_act', 'gelu'), wide), { from: inner, to: from });
  }
  const activation = gateActivation(config);
  const activated = isLater ? 'second' : 'first';
  const sizes = { from, to: inner, activation, activated, bias: false } as const;
  return net.linear(output, gated(net, `${name}${isLater ? 'up_gated_layer' : 'gated_layers'}`, input, sizes), {
    from: inner,
    to: from,
  });
}

function gateActivation(config: Config): string {
  const type = feedForwardType(config);
  if (type === 'reglu') return 'relu';
  if (type === 'geglu') return 'gelu';
  throw new RerankError('model_files', `config.json: feed_forward_type '${type}' is not supported`);
}

function feedForwardType(config: Config): string {
  return config.text('feed_forward_type', 'geglu');
}

function norm(net: Net, name: string, input: string): string {
  return net.layerNorm(name, input, {
    size: net.config.size('hidden_size'),
    epsilon: net.config.number('layer_norm_eps', 1e-12),
  });
}

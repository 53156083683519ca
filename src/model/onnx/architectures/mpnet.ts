// MPNet: BERT's layers with a learned bias for the distance of two tokens.

import { type Architecture, type Body, layers } from './architecture.ts';
import { denseHead } from './heads.ts';
import { Memo } from './memo.ts';
import type { Net } from './net.ts';
import { bertSizes, type PostNormNames, postNormLayer } from './post-norm-layer.ts';
import { t5Bucket } from './relative-buckets.ts';
import type { Queries, Tokens } from './tokens.ts';

/** MPNet counts positions from behind this id, whatever its configuration says. */
const PADDING = 1;

/** The code has these numbers fixed: the configuration's count sizes the table only. */
const BUCKETS = 32;
const MAX_DISTANCE = 128;

export const MPNET: Architecture = {
  name: 'MPNetForSequenceClassification',
  modelType: 'mpnet',
  reads: () => 'first',
  body: mpnetBody,
  head: (net, states) => denseHead(net, states, { dense: 'classifier.dense', activation: 'tanh', output: 'classifier.out_proj' }),
  harmless: [/^lm_head\./, /^(mpnet\.)?pooler\./],
};

function mpnetBody(body: Body): string {
  const { net, tokens } = body;
  const { config } = net;
  const prefix = net.weights.prefix(['mpnet.', ''], 'embeddings.word_embeddings.weight');
  const sizes = bertSizes(net);
  const { hidden } = sizes;
  const name = `${prefix}embeddings.`;
  const words = net.lookup(`${name}word_embeddings.weight`, [config.size('vocab_size'), hidden], tokens.ids);
  const dims = [config.size('max_position_embeddings'), hidden] as const;
  const places = net.lookup(`${name}position_embeddings.weight`, dims, tokens.positionsBehind(PADDING));
  const embedded = net.layerNorm(`${name}LayerNorm`, net.node('Add', words, places), { size: hidden, epsilon: sizes.epsilon });

  const biases = new Memo();
  return layers(body, config.size('num_hidden_layers'), embedded, (index, states, queries) => {
    const bias = biases.once(queries.reads, () => distanceBias(net, tokens, queries, prefix));
    const names = layerNames(`${prefix}encoder.layer.${index}.`);
    return postNormLayer(net, { names, sizes }, { states, queries, biases: [bias] });
  });
}

/** The learned biases and the mask, added up once for all layers: `[1 or batch, heads, queries, length]`. */
function distanceBias(net: Net, tokens: Tokens, queries: Queries, prefix: string): string {
  const { graph, config } = net;
  const rows = config.size('relative_attention_num_buckets', BUCKETS);
  const table = net.tensor(`${prefix}encoder.relative_attention_bias.weight`, [rows, config.size('num_attention_heads')]);
  // Beyond the largest distance nothing changes, so a row for each distance up to it is enough.
  const buckets = Array.from({ length: 2 * MAX_DISTANCE + 1 }, (_, i) =>
    BigInt(t5Bucket(i - MAX_DISTANCE, BUCKETS, MAX_DISTANCE)),
  );
  const byDistance = net.transpose(net.node('Gather', table, graph.integers(buckets)), 1, 0);
  const limit = (value: number): string => graph.integers([BigInt(value)], []);
  const near = net.node('Min', net.node('Max', tokens.distances(queries), limit(-MAX_DISTANCE)), limit(MAX_DISTANCE));
  const learned = graph.node('Gather', [byDistance, net.node('Add', near, limit(MAX_DISTANCE))], { axis: 1n });
  const apart = net.transpose(learned, 1, 0, 2, 3);
  const mask = tokens.bias(queries);
  return mask === null ? apart : net.node('Add', apart, mask);
}

function layerNames(prefix: string): PostNormNames {
  return {
    projections: [`${prefix}attention.attn.q`, `${prefix}attention.attn.k`, `${prefix}attention.attn.v`],
    output: `${prefix}attention.attn.o`,
    attentionNorm: `${prefix}attention.LayerNorm`,
    wide: `${prefix}intermediate.dense`,
    narrow: `${prefix}output.dense`,
    outputNorm: `${prefix}output.LayerNorm`,
  };
}

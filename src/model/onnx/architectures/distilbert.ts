// DistilBERT: BERT's layers under other names, without token types.

import { type Architecture, type Body, layers } from './architecture.ts';
import { learnedPositions } from './bert.ts';
import { denseHead } from './heads.ts';
import { type PostNormNames, type PostNormSizes, postNormLayer } from './post-norm-layer.ts';

const EPSILON = 1e-12;

export const DISTILBERT: Architecture = {
  name: 'DistilBertForSequenceClassification',
  modelType: 'distilbert',
  reads: () => 'first',
  body: distilbertBody,
  head: (net, states) =>
    denseHead(net, states, {
      dense: 'pre_classifier',
      activation: 'relu',
      output: 'classifier',
      size: net.config.size('dim'),
    }),
  harmless: [/^vocab_(transform|layer_norm|projector)\./],
};

function distilbertBody(body: Body): string {
  const { net, tokens } = body;
  const { config } = net;
  const prefix = net.weights.prefix(['distilbert.', ''], 'embeddings.word_embeddings.weight');
  const hidden = config.size('dim');
  const words = net.lookup(`${prefix}embeddings.word_embeddings.weight`, [config.size('vocab_size'), hidden], tokens.ids);
  const sum = net.node('Add', words, learnedPositions(net, tokens, hidden, prefix));
  const embedded = net.layerNorm(`${prefix}embeddings.LayerNorm`, sum, { size: hidden, epsilon: EPSILON });
  const sizes: PostNormSizes = {
    hidden,
    heads: config.size('n_heads'),
    intermediate: config.size('hidden_dim'),
    activation: config.text('activation', 'gelu'),
    epsilon: EPSILON,
  };
  return layers(body, config.size('n_layers'), embedded, (index, states, queries) => {
    const names = layerNames(`${prefix}transformer.layer.${index}.`);
    return postNormLayer(net, { names, sizes }, { states, queries, biases: [tokens.bias(queries)] });
  });
}

function layerNames(prefix: string): PostNormNames {
  return {
    projections: [`${prefix}attention.q_lin`, `${prefix}attention.k_lin`, `${prefix}attention.v_lin`],
    output: `${prefix}attention.out_lin`,
    attentionNorm: `${prefix}sa_layer_norm`,
    wide: `${prefix}ffn.lin1`,
    narrow: `${prefix}ffn.lin2`,
    outputNorm: `${prefix}output_layer_norm`,
  };
}

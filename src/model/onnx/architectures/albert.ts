// ALBERT: one layer's weights, or a few groups', used again and again; embeddings narrower than the layers.

import { type Architecture, type Body, layers } from './architecture.ts';
import { learnedPositions, tokenTypes } from './bert.ts';
import { denseHead } from './heads.ts';
import { bertSizes, type PostNormNames, postNormLayer } from './post-norm-layer.ts';

export const ALBERT: Architecture = {
  name: 'AlbertForSequenceClassification',
  modelType: 'albert',
  reads: () => 'first',
  body: albertBody,
  head: (net, states) => {
    const prefix = net.weights.prefix(['albert.', ''], 'pooler.weight');
    return denseHead(net, states, { dense: `${prefix}pooler`, activation: 'tanh', output: 'classifier' });
  },
  harmless: [/^predictions\./, /^sop_classifier\./],
};

function albertBody(body: Body): string {
  const { net, tokens } = body;
  const { config } = net;
  const prefix = net.weights.prefix(['albert.', ''], 'embeddings.word_embeddings.weight');
  const sizes = { ...bertSizes(net), activation: config.text('hidden_act', 'gelu_new') };
  const size = config.size('embedding_size', 128);
  const name = `${prefix}embeddings.`;
  const words = net.lookup(`${name}word_embeddings.weight`, [config.size('vocab_size'), size], tokens.ids);
  const typed = net.node('Add', words, tokenTypes(net, tokens, `${name}token_type_embeddings.weight`, size));
  const sum = net.node('Add', typed, learnedPositions(net, tokens, size, prefix));
  const normed = net.layerNorm(`${name}LayerNorm`, sum, { size, epsilon: sizes.epsilon });
  const widened = net.linear(`${prefix}encoder.embedding_hidden_mapping_in`, normed, { from: size, to: sizes.hidden });

  const [rounds, groups] = [config.size('num_hidden_layers'), config.size('num_hidden_groups', 1)];
  const inner = config.size('inner_group_num', 1);
  return layers(body, rounds * inner, widened, (index, states, queries) => {
    const group = Math.floor(Math.floor(index / inner) / (rounds / groups));
    const names = layerNames(`${prefix}encoder.albert_layer_groups.${group}.albert_layers.${index % inner}.`);
    return postNormLayer(net, { names, sizes }, { states, queries, biases: [tokens.bias(queries)] });
  });
}

function layerNames(prefix: string): PostNormNames {
  return {
    projections: [`${prefix}attention.query`, `${prefix}attention.key`, `${prefix}attention.value`],
    output: `${prefix}attention.dense`,
    attentionNorm: `${prefix}attention.LayerNorm`,
    wide: `${prefix}ffn`,
    narrow: `${prefix}ffn_output`,
    outputNorm: `${prefix}full_layer_layer_norm`,
  };
}

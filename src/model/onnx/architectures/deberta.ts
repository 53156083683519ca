// DeBERTa of versions 2 and 3: scores of content on content, content on distance, and distance on content.

import { RerankError } from '../../../errors.ts';
import { activate } from './activations.ts';
import { type Architecture, type Body, layers } from './architecture.ts';
import { splitHeads, weighted } from './attention.ts';
import { learnedPositions } from './bert.ts';
import type { Config } from './config.ts';
import { DisentangledScores } from './disentangled-scores.ts';
import type { Net } from './net.ts';
import { afterAttention, bertNames, bertSizes } from './post-norm-layer.ts';
import type { Tokens } from './tokens.ts';

export const DEBERTA_V2: Architecture = {
  name: 'DebertaV2ForSequenceClassification',
  modelType: 'deberta-v2',
  reads: () => 'first',
  body: debertaBody,
  head: (net, states) => {
    const size = net.config.size('hidden_size');
    const dense = net.gemm('pooler.dense', states, { from: size, to: size });
    const pooled = activate(net, net.config.text('pooler_hidden_act', 'gelu'), dense);
    return net.gemm('classifier', pooled, { from: size, to: net.config.labels });
  },
  harmless: [/^(cls|lm_predictions|mask_predictions)\./],
};

function debertaBody(body: Body): string {
  const { net, tokens } = body;
  const { config } = net;
  checkSettings(config);
  const prefix = net.weights.prefix(['deberta.', ''], 'embeddings.word_embeddings.weight');
  const sizes = { ...bertSizes(net), epsilon: config.number('layer_norm_eps', 1e-7) };
  const { hidden } = sizes;
  const heads = { count: sizes.heads, size: config.part(hidden, sizes.heads) };
  const scores = new DisentangledScores(net, tokens, heads, `${prefix}encoder.`);
  const embedded = embeddings(net, tokens, `${prefix}embeddings.`, sizes.epsilon);

  return layers(body, config.size('num_hidden_layers'), embedded, (index, states, queries) => {
    const name = `${prefix}encoder.layer.${index}.`;
    const own = queries.select(states);
    const value = splitHeads(
      net,
      net.linear(`${name}attention.self.value_proj`, states, { from: hidden, to: hidden }),
      heads.count,
      heads.size,
    );
    const sum = scores.build(`${name}attention.self.`, states, queries);
    const context = weighted(net, heads, { scores: sum, value, biases: [tokens.bias(queries)] });
    return afterAttention(net, { names: bertNames(name), sizes }, { own, context });
  });
}

function embeddings(net: Net, tokens: Tokens, prefix: string, epsilon: number): string {
  const { config } = net;
  const hidden = config.size('hidden_size');
  const size = config.size('embedding_size', hidden);
  let sum = net.lookup(`${prefix}word_embeddings.weight`, [config.size('vocab_size'), size], tokens.ids);
  if (config.flag('position_biased_input', true))
    sum = net.node('Add', sum, learnedPositions(net, tokens, size, prefix.replace('embeddings.', '')));
  const types = config.integer('type_vocab_size', 0);
  if (types > 0) sum = net.node('Add', sum, net.lookup(`${prefix}token_type_embeddings.weight`, [types, size], tokens.types));
  if (size !== hidden) sum = net.linear(`${prefix}embed_proj`, sum, { from: size, to: hidden, bias: false });
  // transformers sets padding to zero here; no token that counts ever sees it.
  return net.layerNorm(`${prefix}LayerNorm`, sum, { size: hidden, epsilon });
}

function checkSettings(config: Config): void {
  const refuse = (what: string): never => {
    throw new RerankError('model_files', `config.json: ${what} is not supported`);
  };
  if (config.integer('conv_kernel_size', 0) > 0) refuse('a convolution behind the first layer (conv_kernel_size)');
  if (
    config.has('attention_head_size') &&
    config.size('attention_head_size') * config.size('num_attention_heads') !== config.size('hidden_size')
  )
    refuse('an attention_head_size of its own');
}

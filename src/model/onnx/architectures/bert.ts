// BERT and its kin (RoBERTa, XLM-RoBERTa, CamemBERT, ELECTRA), which differ in positions, embedding width and head.

import { RerankError } from '../../../errors.ts';
import { type Architecture, type Body, layers } from './architecture.ts';
import type { Config } from './config.ts';
import { denseHead } from './heads.ts';
import type { Net } from './net.ts';
import { bertNames, bertSizes, flashNames, type PostNormNames, postNormLayer } from './post-norm-layer.ts';
import type { Tokens } from './tokens.ts';

const DEFAULT_PADDING = 1;

export const BERT: Architecture = {
  name: 'BertForSequenceClassification',
  modelType: 'bert',
  reads: () => 'first',
  body: (body) =>
    bertBody(body, { base: 'bert.', positions: (tokens, size) => learnedPositions(body.net, tokens, size, 'bert.') }),
  head: (net, states) => {
    const prefix = net.weights.prefix(['bert.', ''], 'pooler.dense.weight');
    return denseHead(net, states, { dense: `${prefix}pooler.dense`, activation: 'tanh', output: 'classifier' });
  },
  harmless: [/^cls\./],
};

export const ELECTRA: Architecture = {
  name: 'ElectraForSequenceClassification',
  modelType: 'electra',
  reads: () => 'first',
  body: (body) =>
    bertBody(body, { base: 'electra.', positions: (tokens, size) => learnedPositions(body.net, tokens, size, 'electra.') }),
  head: (net, states) => denseHead(net, states, { dense: 'classifier.dense', activation: 'gelu', output: 'classifier.out_proj' }),
  harmless: [/^discriminator_predictions\./, /^generator_(predictions|lm_head)\./],
};

/** RoBERTa's code under another name. */
function robertaLike(name: string, modelType: string): Architecture {
  return {
    name,
    modelType,
    reads: () => 'first',
    body: (body) => bertBody(body, { base: 'roberta.', positions: (tokens, size) => countedPositions(body.net, tokens, size) }),
    head: (net, states) =>
      denseHead(net, states, { dense: 'classifier.dense', activation: 'tanh', output: 'classifier.out_proj' }),
    harmless: [/^lm_head\./, /^(roberta\.)?pooler\./],
  };
}

export const ROBERTA = robertaLike('RobertaForSequenceClassification', 'roberta');
export const XLM_ROBERTA = robertaLike('XLMRobertaForSequenceClassification', 'xlm-roberta');
export const CAMEMBERT = robertaLike('CamembertForSequenceClassification', 'camembert');

/**
 * XLM-RoBERTa in the layout of flash attention's BERT (Jina's reranker of version 2): the same layers under other
 * names.
 */
export const XLM_ROBERTA_FLASH: Architecture = {
  ...XLM_ROBERTA,
  body: (body) => {
    const { net } = body;
    const names = { norm: 'emb_ln', layer: (prefix: string, index: number) => flashNames(`${prefix}encoder.layers.${index}.`) };
    return bertBody(body, { base: 'roberta.', positions: (tokens, size) => countedPositions(net, tokens, size), names });
  },
  isStoredAs: /\.mixer\.Wqkv\.weight$/,
};

/** What a relative of BERT calls its parts, behind the prefix of the model. */
interface BertNames {
  readonly norm: string;
  readonly layer: (prefix: string, index: number) => PostNormNames;
}

const BERT_NAMES: BertNames = {
  norm: 'embeddings.LayerNorm',
  layer: (prefix, index) => bertNames(`${prefix}encoder.layer.${index}.`),
};

interface BertKind {
  /** Before the names of all weights, in checkpoints of a classifier. */
  readonly base: string;
  readonly positions: (tokens: Tokens, size: number) => string;
  readonly names?: BertNames;
}

function bertBody(body: Body, { base, positions, names = BERT_NAMES }: BertKind): string {
  const { net, tokens } = body;
  checkPositions(net.config);
  const prefix = net.weights.prefix([base, ''], 'embeddings.word_embeddings.weight');
  const sizes = bertSizes(net);
  const embedded = embeddings(net, tokens, prefix, { positions, norm: names.norm });
  return layers(body, net.config.size('num_hidden_layers'), embedded, (index, states, queries) => {
    return postNormLayer(net, { names: names.layer(prefix, index), sizes }, { states, queries, biases: [tokens.bias(queries)] });
  });
}

/** Words, types and positions; narrower than the layers where the configuration says so (ELECTRA). */
function embeddings(
  net: Net,
  tokens: Tokens,
  prefix: string,
  { positions, norm }: { readonly positions: BertKind['positions']; readonly norm: string },
): string {
  const { config } = net;
  const hidden = config.size('hidden_size');
  const size = config.size('embedding_size', hidden);
  const words = net.lookup(`${prefix}embeddings.word_embeddings.weight`, [config.size('vocab_size'), size], tokens.ids);
  const typed = net.node('Add', words, tokenTypes(net, tokens, `${prefix}embeddings.token_type_embeddings.weight`, size));
  const sum = net.node('Add', typed, positions(tokens, size));
  const normed = net.layerNorm(`${prefix}${norm}`, sum, { size, epsilon: config.number('layer_norm_eps', 1e-12) });
  return size === hidden ? normed : net.linear(`${prefix}embeddings_project`, normed, { from: size, to: hidden });
}

/** Rows by type; the only row, where there is one only: such models' tokenizers give no types. */
export function tokenTypes(net: Net, tokens: Tokens, name: string, size: number): string {
  const rows = net.config.size('type_vocab_size', 2);
  return rows === 1 ? net.tensor(name, [1, size]) : net.lookup(name, [rows, size], tokens.types);
}

/** The first rows of the table of positions. */
export function learnedPositions(net: Net, tokens: Tokens, size: number, base: string): string {
  const prefix = net.weights.prefix([base, ''], 'embeddings.position_embeddings.weight');
  const table = net.tensor(`${prefix}embeddings.position_embeddings.weight`, [net.config.size('max_position_embeddings'), size]);
  return net.slice(table, 0, net.integer(0), tokens.length);
}

/** RoBERTa's positions. */
function countedPositions(net: Net, tokens: Tokens, size: number): string {
  const prefix = net.weights.prefix(['roberta.', ''], 'embeddings.position_embeddings.weight');
  const ids = tokens.positionsBehind(net.config.integer('pad_token_id', DEFAULT_PADDING));
  const dims = [net.config.size('max_position_embeddings'), size] as const;
  return net.lookup(`${prefix}embeddings.position_embeddings.weight`, dims, ids);
}

function checkPositions(config: Config): void {
  const type = config.text('position_embedding_type', 'absolute');
  if (type !== 'absolute')
    throw new RerankError('model_files', `config.json: position_embedding_type '${type}' is not supported`);
}

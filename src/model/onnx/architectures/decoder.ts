// Decoders: Llama, Mistral, Qwen2, Qwen3, Gemma, Gemma 2, as classifiers and by the logits of two tokens.

import { RerankError } from '../../../errors.ts';
import { type Architecture, type Body, layers } from './architecture.ts';
import type { Config } from './config.ts';
import { DecoderLayers } from './decoder-layer.ts';
import { DECODER_FAMILIES, type DecoderFamily } from './decoder-settings.ts';
import { capped } from './grouped-attention.ts';
import type { Net } from './net.ts';
import { pool, pooledTokens } from './pooling.ts';

/** Tokens of the vocabulary whose logits are the score: of the first less that of the second, where there is one. */
export interface ScoreTokens {
  readonly trueToken: number;
  readonly falseToken: number | null;
}

const PREFIXES = ['model.', ''];
const TABLE = 'embed_tokens.weight';

/** `...ForSequenceClassification` of all families. */
export const DECODER_CLASSIFIERS: readonly Architecture[] = Object.entries(DECODER_FAMILIES).map(([name, family]) => ({
  name: `${name}ForSequenceClassification`,
  modelType: name.toLowerCase(),
  reads: () => 'last',
  body: (body) => decoderBody(body, family, isCausal(body.net.config)),
  head: (net, states) => {
    const sizes = { from: net.config.size('hidden_size'), to: net.config.labels, bias: false };
    return net.gemm('score', states, sizes);
  },
  harmless: [/^lm_head\./],
  continues: isCausal,
  lastBefore: (config) => config.integerOrNull('pad_token_id', family.padding),
}));

/** `...ForCausalLM` of all families, scored by tokens. */
export function causalScorers(tokens: ScoreTokens): readonly Architecture[] {
  return Object.entries(DECODER_FAMILIES).map(([name, family]) => ({
    name: `${name}ForCausalLM`,
    modelType: name.toLowerCase(),
    reads: () => 'last',
    body: (body) => decoderBody(body, family, isCausal(body.net.config)),
    head: (net, states) => tokenScore(net, states, family, tokens),
    harmless: [/^lm_head\./, /^score\./],
    continues: isCausal,
  }));
}

/** Llama that sees both ways, with a pooling of its own and a temperature (NVIDIA's rerankers). */
export const LLAMA_BIDIRECTIONAL: Architecture = {
  name: 'LlamaBidirectionalForSequenceClassification',
  modelType: 'llama_bidirec',
  reads: (config) => pooledTokens([bidirectionalPooling(config)]),
  body: (body) => decoderBody(body, DECODER_FAMILIES.Llama, false),
  head: (net, states, tokens) => {
    const pooled = pool(net, [bidirectionalPooling(net.config)], states, tokens);
    const logits = net.gemm('score', pooled, { from: net.config.size('hidden_size'), to: net.config.labels, bias: false });
    return net.node('Div', logits, net.graph.scalar(net.config.number('temperature', 1)));
  },
  harmless: [/^lm_head\./],
};

const BIDIRECTIONAL_POOLINGS: Readonly<Record<string, string>> = { avg: 'mean', cls: 'cls', last: 'lasttoken' };

function bidirectionalPooling(config: Config): string {
  const name = config.text('pooling', 'avg');
  const mode = Object.hasOwn(BIDIRECTIONAL_POOLINGS, name) ? BIDIRECTIONAL_POOLINGS[name] : undefined;
  if (mode === undefined) throw new RerankError('model_files', `config.json: pooling '${name}' is not known`);
  return mode;
}

/** @returns normed states of the wanted tokens */
export function decoderBody(body: Body, family: DecoderFamily, causal: boolean): string {
  const { net, tokens } = body;
  const { config } = net;
  const prefix = net.weights.prefix(PREFIXES, TABLE);
  const hidden = config.size('hidden_size');
  const layer = new DecoderLayers(net, tokens, { family, prefix, isCausal: causal });
  const words = net.lookup(`${prefix}${TABLE}`, [config.size('vocab_size'), hidden], tokens.ids);
  const embedded = family.shiftedNorms ? net.node('Mul', words, net.graph.scalar(Math.sqrt(hidden))) : words;
  const states = layers(body, config.size('num_hidden_layers'), embedded, (...each) => layer.build(...each));
  return layer.norm(`${prefix}norm`, states);
}

/** Newer configurations can say that a decoder sees both ways. */
function isCausal(config: Config): boolean {
  return config.flag('is_causal', true) && !config.flag('use_bidirectional_attention', false);
}

/** `[batch, 1]`. Of the vocabulary's matrix only these rows are kept. */
function tokenScore(net: Net, states: string, family: DecoderFamily, { trueToken, falseToken }: ScoreTokens): string {
  const { config } = net;
  const isTied = config.flag('tie_word_embeddings', family.tied);
  const name = isTied ? `${net.weights.prefix(PREFIXES, TABLE)}${TABLE}` : 'lm_head.weight';
  const [rows, size] = [config.size('vocab_size'), config.size('hidden_size')];
  const cap = config.numberOrNull('final_logit_softcapping', family.caps.logits);
  const logit = (token: number): string => {
    if (!Number.isSafeInteger(token) || token < 0 || token >= rows)
      throw new RerankError('model_files', `the score's token ${token} is none of the model's ${rows}`);
    const row = net.stored(net.weights.take(name, [rows, size]).rows(token, 1));
    return capped(net, net.graph.node('Gemm', [states, row], { transB: 1n }), cap);
  };
  return falseToken === null ? logit(trueToken) : net.node('Sub', logit(trueToken), logit(falseToken));
}

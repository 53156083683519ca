// gte's model type `new`: BERT's order of norms with rotary positions and a gated feed-forward.

import { RerankError } from '../../../errors.ts';
import { type Architecture, type Body, layers } from './architecture.ts';
import { scaledScores, splitHeads, weighted } from './attention.ts';
import { learnedPositions } from './bert.ts';
import type { Config } from './config.ts';
import { gated } from './gated.ts';
import { denseHead } from './heads.ts';
import type { Net } from './net.ts';
import { projection } from './post-norm-layer.ts';
import { frequencies, Rotary } from './rotary.ts';
import type { Queries, Tokens } from './tokens.ts';

const DEFAULT_BASE = 10_000;
const GTE_BASE = 160_000;

export const NEW: Architecture = {
  name: 'NewForSequenceClassification',
  modelType: 'new',
  reads: () => 'first',
  body: newBody,
  head: (net, states) => {
    const prefix = net.weights.prefix(['new.', ''], 'pooler.dense.weight');
    return denseHead(net, states, { dense: `${prefix}pooler.dense`, activation: 'tanh', output: 'classifier' });
  },
  harmless: [/^lm_head\./],
};

/** The same model under the name that transformers gave it when it took it in. */
export const GTE: Architecture = { ...NEW, name: 'GteForSequenceClassification', modelType: 'gte' };

function newBody(body: Body): string {
  const { net, tokens } = body;
  const { config } = net;
  checkSettings(config);
  const prefix = net.weights.prefix(['new.', ''], 'embeddings.word_embeddings.weight');
  const layer = new NewLayer(net, tokens, prefix);
  return layers(body, config.size('num_hidden_layers'), embeddings(net, tokens, prefix), (...each) => layer.build(...each));
}

function embeddings(net: Net, tokens: Tokens, prefix: string): string {
  const { config } = net;
  const hidden = config.size('hidden_size');
  let sum = net.lookup(`${prefix}embeddings.word_embeddings.weight`, [config.size('vocab_size'), hidden], tokens.ids);
  const types = config.integer('type_vocab_size', 1);
  const name = `${prefix}embeddings.token_type_embeddings.weight`;
  if (types === 1) sum = net.node('Add', sum, net.tensor(name, [1, hidden]));
  if (types > 1) sum = net.node('Add', sum, net.lookup(name, [types, hidden], tokens.types));
  if (!isRotary(config)) sum = net.node('Add', sum, learnedPositions(net, tokens, hidden, prefix));
  return norm(net, `${prefix}embeddings.LayerNorm`, sum);
}

class NewLayer {
  readonly #net: Net;
  readonly #tokens: Tokens;
  readonly #prefix: string;
  readonly #hidden: number;
  readonly #heads: { readonly count: number; readonly size: number };
  readonly #rotary: Rotary | null;

  constructor(net: Net, tokens: Tokens, prefix: string) {
    const { config } = net;
    this.#net = net;
    this.#tokens = tokens;
    this.#prefix = prefix;
    this.#hidden = config.size('hidden_size');
    const count = config.size('num_attention_heads');
    const size = config.part(this.#hidden, count);
    this.#heads = { count, size };
    this.#rotary = isRotary(config) ? rotaryOf(net, tokens, size) : null;
  }

  build(index: number, states: string, queries: Queries): string {
    const net = this.#net;
    const name = `${this.#prefix}encoder.layer.${index}.`;
    const attended = norm(net, `${name}attn_ln`, net.node('Add', queries.select(states), this.#attention(name, states, queries)));
    const inner = net.config.size('intermediate_size');
    const activation = net.config.text('hidden_act', 'gelu');
    const sizes = { from: this.#hidden, to: inner, activation, activated: 'second', bias: false } as const;
    const wide = gated(net, `${name}mlp.up_gate_proj`, attended, sizes);
    const narrow = net.linear(`${name}mlp.down_proj`, wide, { from: inner, to: this.#hidden });
    return norm(net, `${name}mlp_ln`, net.node('Add', attended, narrow));
  }

  #attention(name: string, states: string, queries: Queries): string {
    const net = this.#net;
    const hidden = this.#hidden;
    const { count, size } = this.#heads;
    const isPacked = net.weights.has(`${name}attention.qkv_proj.weight`);
    const names = isPacked ? `${name}attention.qkv_proj` : ['q', 'k', 'v'].map((each) => `${name}attention.${each}_proj`);
    const part = (at: number, input: string): string =>
      splitHeads(net, projection(net, names, { at, input, hidden }), count, size);
    const [query, key] = [part(0, queries.select(states)), part(1, states)];
    const turned = this.#rotary === null ? query : this.#rotary.queries(query, queries);
    const keys = net.transpose(this.#rotary === null ? key : this.#rotary.keys(key), 0, 1, 3, 2);
    const scores = scaledScores(net, this.#heads, turned, keys);
    const context = weighted(net, this.#heads, { scores, value: part(2, states), biases: [this.#tokens.bias(queries)] });
    return net.linear(`${name}attention.o_proj`, context, { from: hidden, to: hidden });
  }
}

function rotaryOf(net: Net, tokens: Tokens, size: number): Rotary {
  const { config } = net;
  const settings = config.inner('rope_parameters') ?? config.inner('rope_scaling');
  const fallback = config.text('model_type', 'new') === 'gte' ? GTE_BASE : DEFAULT_BASE;
  const base = settings?.has('rope_theta') ? settings.number('rope_theta') : config.number('rope_theta', fallback);
  return new Rotary(net, tokens, frequencies(config, settings, { base, size }));
}

function norm(net: Net, name: string, input: string): string {
  return net.layerNorm(name, input, {
    size: net.config.size('hidden_size'),
    epsilon: net.config.number('layer_norm_eps', 1e-12),
  });
}

function isRotary(config: Config): boolean {
  return config.text('position_embedding_type', 'rope') === 'rope';
}

function checkSettings(config: Config): void {
  const refuse = (what: string): never => {
    throw new RerankError('model_files', `config.json: ${what} is not supported`);
  };
  const positions = config.text('position_embedding_type', 'rope');
  if (positions !== 'rope' && positions !== 'absolute') refuse(`position_embedding_type '${positions}'`);
  const norms = config.text('layer_norm_type', 'layer_norm');
  if (norms !== 'layer_norm') refuse(`layer_norm_type '${norms}'`);
  if (config.flag('logn_attention_scale', false)) refuse('logn_attention_scale');
}

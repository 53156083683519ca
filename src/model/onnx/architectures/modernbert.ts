// ModernBERT: norms come first, rotary positions, most layers see near tokens only, a gated feed-forward.

import { RerankError } from '../../../errors.ts';
import { activate } from './activations.ts';
import { type Architecture, type Body, layers } from './architecture.ts';
import { type Heads, scaledScores, splitHeads, weighted } from './attention.ts';
import type { Config } from './config.ts';
import { slidingLayers } from './decoder-settings.ts';
import { gated } from './gated.ts';
import type { Net } from './net.ts';
import { meanOf } from './pooling.ts';
import { frequencies, Rotary } from './rotary.ts';
import type { Queries, Reads, Tokens } from './tokens.ts';

const LOCAL_BASE = 10_000;
const GLOBAL_BASE = 160_000;

export const MODERNBERT: Architecture = {
  name: 'ModernBertForSequenceClassification',
  modelType: 'modernbert',
  reads: readsOf,
  body: modernbertBody,
  head: modernbertHead,
  harmless: [/^decoder\./],
};

function readsOf(config: Config): Reads {
  const pooling = config.text('classifier_pooling', 'cls');
  if (pooling !== 'cls' && pooling !== 'mean')
    throw new RerankError('model_files', `config.json: classifier_pooling '${pooling}' is not known`);
  return pooling === 'cls' ? 'first' : 'all';
}

function modernbertBody(body: Body): string {
  const { net, tokens, wanted } = body;
  const { config } = net;
  const prefix = net.weights.prefix(['model.', ''], 'embeddings.tok_embeddings.weight');
  const layer = new ModernBertLayer(net, tokens, prefix);
  const dims = [config.size('vocab_size'), config.size('hidden_size')] as const;
  const words = net.lookup(`${prefix}embeddings.tok_embeddings.weight`, dims, tokens.ids);
  const embedded = norm(net, `${prefix}embeddings.norm`, words);
  const states = layers({ net, tokens, wanted }, config.size('num_hidden_layers'), embedded, (...each) => layer.build(...each));
  return norm(net, `${prefix}final_norm`, states);
}

class ModernBertLayer {
  readonly #hidden: number;
  readonly #net: Net;
  readonly #tokens: Tokens;
  readonly #prefix: string;
  readonly #heads: Heads;
  readonly #local: Rotary;
  readonly #global: Rotary;
  readonly #isLocal: (layer: number) => boolean;

  constructor(net: Net, tokens: Tokens, prefix: string) {
    const { config } = net;
    this.#net = net;
    this.#tokens = tokens;
    this.#prefix = prefix;
    this.#hidden = config.size('hidden_size');
    const count = config.size('num_attention_heads');
    this.#heads = { count, size: config.part(this.#hidden, count) };
    this.#local = this.#rotary('sliding_attention');
    this.#global = this.#rotary('full_attention');
    const every = config.size('global_attn_every_n_layers', 3);
    this.#isLocal = slidingLayers(config, (layer) => layer % every !== 0);
  }

  build(index: number, states: string, queries: Queries): string {
    const net = this.#net;
    const name = `${this.#prefix}layers.${index}.`;
    const own = queries.select(states);
    const attended = net.node('Add', own, this.#attention(index, states, queries));
    const normed = norm(net, `${name}mlp_norm`, attended);
    return net.node('Add', attended, this.#feedForward(`${name}mlp.`, normed));
  }

  #attention(index: number, states: string, queries: Queries): string {
    const net = this.#net;
    const hidden = this.#hidden;
    const name = `${this.#prefix}layers.${index}.`;
    const bias = net.config.flag('attention_bias', false);
    // The embeddings are normed already.
    const normed = index === 0 ? states : norm(net, `${name}attn_norm`, states);
    const part = (at: number, input: string): string => {
      const sizes = { from: hidden, to: 3 * hidden, bias, part: { start: at * hidden, count: hidden } };
      return splitHeads(net, net.linear(`${name}attn.Wqkv`, input, sizes), this.#heads.count, this.#heads.size);
    };
    const isLocal = this.#isLocal(index);
    const rotary = isLocal ? this.#local : this.#global;
    const distance = Math.floor(net.config.size('local_attention', 128) / 2);
    const query = rotary.queries(part(0, queries.select(normed)), queries);
    const keys = net.transpose(rotary.keys(part(1, normed)), 0, 1, 3, 2);
    const scores = scaledScores(net, this.#heads, query, keys);
    const biases = [this.#tokens.bias(queries, isLocal ? { distance } : {})];
    const context = weighted(net, this.#heads, { scores, value: part(2, normed), biases });
    return net.linear(`${name}attn.Wo`, context, { from: hidden, to: hidden, bias });
  }

  #feedForward(name: string, input: string): string {
    const net = this.#net;
    const inner = net.config.size('intermediate_size');
    const bias = net.config.flag('mlp_bias', false);
    const activation = net.config.text('hidden_activation', 'gelu');
    const wide = gated(net, `${name}Wi`, input, { from: this.#hidden, to: inner, activation, activated: 'first', bias });
    return net.linear(`${name}Wo`, wide, { from: inner, to: this.#hidden, bias });
  }

  /** Newer configurations have a set of settings a kind of layer. */
  #rotary(kind: 'sliding_attention' | 'full_attention'): Rotary {
    const { config } = this.#net;
    const settings = config.inner('rope_parameters')?.inner(kind) ?? config.inner('rope_scaling');
    const full = config.number('global_rope_theta', GLOBAL_BASE);
    const isFull = kind === 'full_attention' || config.isNull('local_rope_theta');
    const own = isFull ? full : config.number('local_rope_theta', LOCAL_BASE);
    const base = settings?.has('rope_theta') ? settings.number('rope_theta') : own;
    return new Rotary(this.#net, this.#tokens, frequencies(config, settings, { base, size: this.#heads.size }));
  }
}

function modernbertHead(net: Net, states: string, tokens: Tokens): string {
  const { config } = net;
  const size = config.size('hidden_size');
  const pooled = readsOf(config) === 'all' ? meanOf(net, states, tokens) : states;
  const dense = net.gemm('head.dense', pooled, { from: size, to: size, bias: config.flag('classifier_bias', false) });
  const activated = activate(net, config.text('classifier_activation', 'gelu'), dense);
  return net.gemm('classifier', norm(net, 'head.norm', activated), { from: size, to: config.labels });
}

function norm(net: Net, name: string, input: string): string {
  const { config } = net;
  const [size, epsilon] = [config.size('hidden_size'), config.number('norm_eps', 1e-5)];
  return net.layerNorm(name, input, { size, epsilon, bias: config.flag('norm_bias', false) });
}

// NeoBERT: norms come first, rotary positions in pairs of neighbours, a gated feed-forward, no biases below the head.

import { RerankError } from '../../../errors.ts';
import { pickRows } from '../safetensors/picked-rows.ts';
import { type Architecture, type Body, layers } from './architecture.ts';
import { type Heads, scaledScores, splitHeads, weighted } from './attention.ts';
import { gated } from './gated.ts';
import { denseHead } from './heads.ts';
import type { Net } from './net.ts';
import { plainFrequencies, Rotary } from './rotary.ts';
import type { Queries, Tokens } from './tokens.ts';

const BASE = 10_000;
const DEFAULT_EPSILON = 1e-6;

export const NEOBERT: Architecture = {
  name: 'NeoBERTForSequenceClassification',
  modelType: 'neobert',
  reads: () => 'first',
  body: neobertBody,
  head: (net, states) => denseHead(net, states, { dense: 'dense', activation: 'tanh', output: 'classifier' }),
  harmless: [/^decoder\./],
};

function neobertBody(body: Body): string {
  const { net, tokens } = body;
  const { config } = net;
  const prefix = net.weights.prefix(['model.', ''], 'encoder.weight');
  const dims = [config.size('vocab_size'), config.size('hidden_size')] as const;
  const words = net.lookup(`${prefix}encoder.weight`, dims, tokens.ids);
  const layer = new NeoBertLayer(net, tokens, `${prefix}transformer_encoder.`);
  const states = layers(body, config.size('num_hidden_layers'), words, (...each) => layer.build(...each));
  return norm(net, `${prefix}layer_norm`, states);
}

class NeoBertLayer {
  readonly #net: Net;
  readonly #tokens: Tokens;
  readonly #prefix: string;
  readonly #hidden: number;
  readonly #heads: Heads;
  readonly #rotary: Rotary;

  constructor(net: Net, tokens: Tokens, prefix: string) {
    const { config } = net;
    this.#net = net;
    this.#tokens = tokens;
    this.#prefix = prefix;
    this.#hidden = config.size('hidden_size');
    const count = config.size('num_attention_heads');
    const size = config.part(this.#hidden, count);
    config.part(size, 2);
    this.#heads = { count, size };
    this.#rotary = new Rotary(net, tokens, { inverse: plainFrequencies(BASE, size), scaling: 1 });
  }

  build(index: number, states: string, queries: Queries): string {
    const net = this.#net;
    const name = `${this.#prefix}${index}.`;
    const attended = net.node('Add', queries.select(states), this.#attention(name, states, queries));
    return net.node('Add', attended, this.#feedForward(`${name}ffn.`, norm(net, `${name}ffn_norm`, attended)));
  }

  #attention(name: string, states: string, queries: Queries): string {
    const net = this.#net;
    const normed = norm(net, `${name}attention_norm`, states);
    const query = this.#rotary.queries(this.#part(name, 'query', queries.select(normed)), queries);
    const keys = net.transpose(this.#rotary.keys(this.#part(name, 'key', normed)), 0, 1, 3, 2);
    const scores = scaledScores(net, this.#heads, query, keys);
    const value = this.#part(name, 'value', normed);
    const context = weighted(net, this.#heads, { scores, value, biases: [this.#tokens.bias(queries)] });
    return net.linear(`${name}wo`, context, { from: this.#hidden, to: this.#hidden, bias: false });
  }

  /**
   * One of the three that are stored head by head. Queries and keys have their even values first: the pairs that are
   * turned together then lie half a head apart, as everywhere else, and their products are the same.
   */
  #part(name: string, what: 'query' | 'key' | 'value', input: string): string {
    const net = this.#net;
    const { count, size } = this.#heads;
    const place = ['query', 'key', 'value'].indexOf(what) * size;
    const natural = Array.from({ length: size }, (_, i) => i);
    const order = what === 'value' ? natural : natural.map((i) => ((2 * i) % size) + Math.floor((2 * i) / size));
    const rows = Array.from({ length: count }, (_, head) => order.map((i) => 3 * head * size + place + i)).flat();
    const packed = net.weights.take(`${name}qkv.weight`, [3 * this.#hidden, this.#hidden]);
    return splitHeads(net, net.node('MatMul', input, net.turned(pickRows(packed, rows, what))), count, size);
  }

  #feedForward(name: string, input: string): string {
    const net = this.#net;
    const to = innerSize(net, `${name}w12.weight`);
    const sizes = { from: this.#hidden, to, activation: 'silu', activated: 'first', bias: false } as const;
    return net.linear(`${name}w3`, gated(net, `${name}w12`, input, sizes), { from: to, to: this.#hidden, bias: false });
  }
}

/**
 * Two thirds of the configured size, up to a multiple of 8.
 *
 * Versions of the code that take the size as it is turn other pairs together; only the weights tell them apart.
 */
function innerSize(net: Net, name: string): number {
  const configured = net.config.size('intermediate_size');
  const inner = 8 * Math.ceil(Math.floor((2 * configured) / 3) / 8);
  if (net.weights.dims(name)[0] === 2 * configured)
    throw new RerankError('model_files', 'this is a NeoBERT of another layout than the published one, which is not supported');
  return inner;
}

function norm(net: Net, name: string, input: string): string {
  const weight = net.tensor(`${name}.weight`, [net.config.size('hidden_size')]);
  return net.rmsNorm(weight, input, net.config.number('norm_eps', DEFAULT_EPSILON));
}

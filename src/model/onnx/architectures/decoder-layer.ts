// A decoder's layer: norm, attention with rotary positions, norm, gated feed-forward.

import { RerankError } from '../../../errors.ts';
import { activate } from './activations.ts';
import { splitHeads } from './attention.ts';
import type { DecoderFamily } from './decoder-settings.ts';
import { type GroupedHeads, groupedAttention } from './grouped-attention.ts';
import type { Net } from './net.ts';
import { frequencies, Rotary } from './rotary.ts';
import type { Queries, Sight, Tokens } from './tokens.ts';

const DEFAULT_BASE = 10_000;
const DEFAULT_EPSILON = 1e-6;

export class DecoderLayers {
  readonly #net: Net;
  readonly #tokens: Tokens;
  readonly #family: DecoderFamily;
  readonly #prefix: string;
  readonly #hidden: number;
  readonly #heads: GroupedHeads;
  readonly #rotary: Rotary;
  readonly #window: (layer: number) => number | null;
  readonly #isCausal: boolean;

  /** @param prefix of the layers in the checkpoint */
  constructor(
    net: Net,
    tokens: Tokens,
    { family, prefix, isCausal }: { family: DecoderFamily; prefix: string; isCausal: boolean },
  ) {
    const { config } = net;
    this.#net = net;
    this.#tokens = tokens;
    this.#family = family;
    this.#prefix = prefix;
    this.#isCausal = isCausal;
    this.#hidden = config.size('hidden_size');
    this.#heads = headsOf(net, family, this.#hidden);
    const window = family.windows(config);
    if (window !== null && !isCausal)
      throw new RerankError('model_files', 'config.json: a sliding window of a decoder that sees both ways is not supported');
    this.#window = window ?? (() => null);
    const settings = config.inner('rope_parameters') ?? config.inner('rope_scaling');
    const base = settings?.has('rope_theta') ? settings.number('rope_theta') : config.number('rope_theta', DEFAULT_BASE);
    this.#rotary = new Rotary(net, tokens, frequencies(config, settings, { base, size: this.#heads.size }));
  }

  build(index: number, states: string, queries: Queries): string {
    const net = this.#net;
    const name = `${this.#prefix}layers.${index}.`;
    const { doubleNorms } = this.#family;
    const context = this.#attention(index, this.norm(`${name}input_layernorm`, states), queries);
    const behind = doubleNorms ? this.norm(`${name}post_attention_layernorm`, context) : context;
    const attended = net.node('Add', queries.select(states), behind);
    const before = doubleNorms ? 'pre_feedforward_layernorm' : 'post_attention_layernorm';
    const wide = this.#feedForward(`${name}mlp.`, this.norm(`${name}${before}`, attended));
    return net.node('Add', attended, doubleNorms ? this.norm(`${name}post_feedforward_layernorm`, wide) : wide);
  }

  norm(name: string, input: string, size = this.#hidden): string {
    const net = this.#net;
    const stored = net.tensor(`${name}.weight`, [size]);
    const weight = this.#family.shiftedNorms ? net.node('Add', stored, net.graph.scalar(1)) : stored;
    return net.rmsNorm(weight, input, net.config.number('rms_norm_eps', DEFAULT_EPSILON));
  }

  #attention(index: number, states: string, queries: Queries): string {
    const net = this.#net;
    const { count, keyCount, size } = this.#heads;
    const name = `${this.#prefix}layers.${index}.self_attn.`;
    const configured = net.config.flag('attention_bias', false);
    const bias = this.#family.attentionBias ?? configured;
    const part = (what: string, input: string, heads: number): string => {
      const linear = net.linear(`${name}${what}_proj`, input, { from: this.#hidden, to: heads * size, bias });
      const apart = splitHeads(net, linear, heads, size);
      return this.#family.headNorms && what !== 'v' ? this.norm(`${name}${what}_norm`, apart, size) : apart;
    };
    const own = { key: this.#rotary.keys(part('k', states, keyCount)), value: part('v', states, keyCount) };
    const context = groupedAttention(net, this.#heads, {
      query: this.#rotary.queries(part('q', queries.select(states), count), queries),
      ...this.#tokens.withPast(index, own, { heads: keyCount, size }),
      bias: this.#tokens.bias(queries, this.#sight(index)),
    });
    const outputBias = this.#family.attentionBias === null && configured;
    return net.linear(`${name}o_proj`, context, { from: count * size, to: this.#hidden, bias: outputBias });
  }

  /** A window of n holds the token itself and n - 1 before it. */
  #sight(index: number): Sight {
    const window = this.#window(index);
    return { causal: this.#isCausal, ...(window === null ? {} : { distance: window - 1 }) };
  }

  #feedForward(name: string, input: string): string {
    const net = this.#net;
    const inner = net.config.size('intermediate_size');
    const bias = net.config.flag('mlp_bias', false);
    const widen = (what: string): string => net.linear(`${name}${what}`, input, { from: this.#hidden, to: inner, bias });
    const gate = activate(net, net.config.text(...this.#family.activation), widen('gate_proj'));
    return net.linear(`${name}down_proj`, net.node('Mul', gate, widen('up_proj')), { from: inner, to: this.#hidden, bias });
  }
}

function headsOf({ config }: Net, family: DecoderFamily, hidden: number): GroupedHeads {
  const count = config.size('num_attention_heads');
  const keyCount = config.size('num_key_value_heads', count);
  const size = config.has('head_dim') ? config.size('head_dim') : (family.headSize ?? config.part(hidden, count));
  // Each key's queries are one block.
  config.part(count, keyCount);
  return {
    count,
    size,
    keyCount,
    scale: config.number('query_pre_attn_scalar', family.queryScalar ?? size) ** -0.5,
    cap: config.numberOrNull('attn_logit_softcapping', family.caps.attention),
  };
}

// One vector a text from the states of its tokens, as sentence-transformers pools; padding is on the right.

import { RerankError } from '../../../errors.ts';
import type { Config } from './config.ts';
import type { Net } from './net.ts';
import type { Reads, Tokens } from './tokens.ts';

type Pool = (net: Net, states: string, tokens: Tokens) => string;

/** `[batch, length, size]` -> `[batch, size]`. In the order of the old switches. */
const POOLS: ReadonlyMap<string, Pool> = new Map<string, Pool>([
  ['cls', (net, states, tokens) => net.node('Squeeze', tokens.queries('first').select(states), net.integer(1))],
  ['max', maxOf],
  ['mean', meanOf],
  ['mean_sqrt_len_tokens', (net, states, tokens) => rootMeanOf(net, states, tokens)],
  ['weightedmean', weightedMeanOf],
  ['lasttoken', (net, states, tokens) => net.node('Squeeze', tokens.queries('last').select(states), net.integer(1))],
]);

/** Older configurations have a switch a mode. */
const SWITCHES: ReadonlyMap<string, string> = new Map([
  ['pooling_mode_cls_token', 'cls'],
  ['pooling_mode_max_tokens', 'max'],
  ['pooling_mode_mean_tokens', 'mean'],
  ['pooling_mode_mean_sqrt_len_tokens', 'mean_sqrt_len_tokens'],
  ['pooling_mode_weightedmean_tokens', 'weightedmean'],
  ['pooling_mode_lasttoken', 'lasttoken'],
]);

/** @throws RerankError `model_files` for a mode that is not known */
export function poolingModes(config: Config): string[] {
  if (!config.flag('include_prompt', true))
    throw new RerankError('model_files', 'the pooling leaves out the prompt (include_prompt false), which is not supported');
  const modes = config.has('pooling_mode') ? config.texts('pooling_mode') : switchedModes(config);
  const unknown = modes.find((mode) => !POOLS.has(mode));
  if (unknown !== undefined) throw new RerankError('model_files', `the pooling mode '${unknown}' is not known`);
  return modes;
}

/** The tokens whose states are needed. */
export function pooledTokens(modes: readonly string[]): Reads {
  if (modes.length > 1) return 'all';
  return modes[0] === 'cls' ? 'first' : modes[0] === 'lasttoken' ? 'last' : 'all';
}

/** @param states of the tokens that {@link pooledTokens} says: `[batch, size]` where it is one a text */
export function pool(net: Net, modes: readonly string[], states: string, tokens: Tokens): string {
  if (pooledTokens(modes) !== 'all') return states;
  const pooled = modes.map((mode) => POOLS.get(mode)!(net, states, tokens));
  return pooled.length === 1 ? pooled[0]! : net.concat(-1, ...pooled);
}

function switchedModes(config: Config): string[] {
  const active = [...SWITCHES].filter(([name]) => config.flag(name, false)).map(([, mode]) => mode);
  return active.length === 0 ? ['mean'] : active;
}

/** The mean over the tokens that are no padding. */
export function meanOf(net: Net, states: string, tokens: Tokens): string {
  if (tokens.mask === null) return net.graph.node('ReduceMean', [states], { axes: [1n], keepdims: 0n });
  const kept = keptOf(net, tokens.mask);
  return net.node('Div', sumOf(net, net.node('Mul', states, kept)), sumOf(net, kept));
}

/** The sum divided by the root of the number of tokens. */
function rootMeanOf(net: Net, states: string, tokens: Tokens): string {
  if (tokens.mask === null) return net.node('Div', sumOf(net, states), net.node('Sqrt', net.toFloat(tokens.length)));
  const kept = keptOf(net, tokens.mask);
  return net.node('Div', sumOf(net, net.node('Mul', states, kept)), net.node('Sqrt', sumOf(net, kept)));
}

/** The first token counts once, the second twice, and so on. */
function weightedMeanOf(net: Net, states: string, tokens: Tokens): string {
  const { graph } = net;
  const counts = net.unsqueeze(net.toFloat(net.node('Add', tokens.positions, graph.integers([1n], []))), 2);
  const weights = tokens.mask === null ? counts : net.node('Mul', counts, keptOf(net, tokens.mask));
  return net.node('Div', sumOf(net, net.node('Mul', states, weights)), sumOf(net, weights));
}

function maxOf(net: Net, states: string, tokens: Tokens): string {
  const { graph } = net;
  const lowest = graph.scalar(-3.4028234663852886e38);
  const seen =
    tokens.mask === null
      ? states
      : net.node('Where', net.node('Equal', net.unsqueeze(tokens.mask, 2), graph.integers([0n], [])), lowest, states);
  return graph.node('ReduceMax', [seen], { axes: [1n], keepdims: 0n });
}

/** 1 for tokens, 0 for padding: `[batch, length, 1]`. */
function keptOf(net: Net, mask: string): string {
  return net.toFloat(net.unsqueeze(mask, 2));
}

function sumOf(net: Net, states: string): string {
  return net.graph.node('ReduceSum', [states, net.integer(1)], { keepdims: 0n });
}

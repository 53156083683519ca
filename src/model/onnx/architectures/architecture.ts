// What an architecture gives to the compiler.

import type { Config } from './config.ts';
import type { Net } from './net.ts';
import type { Queries, Reads, Tokens } from './tokens.ts';

/** A kind of model: how its layers are computed from its weights, and how its classifier reads them. */
export interface Architecture {
  /** `architectures[0]` of config.json. */
  readonly name: string;
  /** `model_type` of config.json, which says what is below the head. */
  readonly modelType: string;
  /** The tokens whose last states the classifier reads. */
  readonly reads: (config: Config) => Reads;
  /** Hidden states of the wanted tokens, `[batch, count, size]`. */
  readonly body: (body: Body) => string;
  /**
   * Logits `[batch, labels]` from the states that the classifier reads: `[batch, size]`, or `[batch, length, size]` for
   * all tokens.
   */
  readonly head: (net: Net, states: string, tokens: Tokens) => string;
  /** Weights that its checkpoints may carry and the classifier does not use. */
  readonly harmless: readonly RegExp[];
  /** Whether tokens can be computed behind those of an earlier run: then no token sees one after it. */
  readonly continues?: (config: Config) => boolean;
  /** A weight that tells it from another architecture of the same name. */
  readonly isStoredAs?: RegExp;
  /** Id of padding, for classifiers that find the last token by it; null, or absent, for others. */
  readonly lastBefore?: (config: Config) => number | null;
}

export interface Body {
  readonly net: Net;
  readonly tokens: Tokens;
  /** Of the last layer; the layers before it are computed for all tokens. */
  readonly wanted: Queries;
}

/** Runs `count` layers, the last one for the wanted tokens alone. */
export function layers(
  { tokens, wanted }: Body,
  count: number,
  states: string,
  layer: (index: number, states: string, queries: Queries) => string,
): string {
  const all = tokens.queries('all');
  let current = states;
  for (let index = 0; index < count; index += 1) current = layer(index, current, index === count - 1 ? wanted : all);
  return count === 0 ? wanted.select(states) : current;
}

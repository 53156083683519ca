// The inputs of a graph and what follows from them alone: positions, who sees whom, which tokens a layer is for.

import { BOOL, FLOAT, INT64 } from '../graph-builder.ts';
import { Memo } from './memo.ts';
import type { Net } from './net.ts';

/** The tokens of a layer's output: all of them, or one a text. */
export type Reads = 'all' | 'first' | 'last';

export interface TokenOptions {
  /** Without attention mask: for runs of texts of one length. */
  readonly maskless: boolean;
  /**
   * Id of padding where the head finds the last token by it, as transformers' causal classifiers do; null: by the mask,
   * or the end.
   */
  readonly lastBefore: number | null;
  /** Tokens that were computed in an earlier run stand before these; then there is no mask. */
  readonly past?: boolean;
}

/** Keys and values of one layer, `[batch, heads, positions, size]`. */
export interface KeysValues {
  readonly key: string;
  readonly value: string;
}

/** Which keys a query may see, apart from padding. */
export interface Sight {
  /** Not those after it. */
  readonly causal?: boolean;
  /** Only those at most so many positions away. */
  readonly distance?: number;
}

/** What the exporter writes for torch.finfo(float32).min. */
const MASKED = -3.4028234663852886e38;

/** The input whose shape says how many tokens were computed before. */
const FIRST_PAST = 'past_key.0';

const AXES = ['batch_size', 'sequence_length'];

/** Positions of tokens whose states are wanted. */
export interface Queries {
  readonly reads: Reads;
  /** int64 `[1 or batch, count]` */
  readonly positions: string;
  /** `[batch, length, size]` -> `[batch, count, size]` */
  select(states: string): string;
}

export class Tokens {
  readonly ids: string;
  /** int64 `[batch, length]`, null in a graph without mask. */
  readonly mask: string | null;
  readonly #net: Net;
  readonly #options: TokenOptions;
  readonly #known = new Memo();

  constructor(net: Net, options: TokenOptions) {
    this.#net = net;
    this.#options = options;
    this.ids = net.graph.input('input_ids', INT64, AXES);
    this.mask = options.maskless || options.past ? null : net.graph.input('attention_mask', INT64, AXES);
  }

  /** Which text a token is of, `[batch, length]`. */
  get types(): string {
    return this.#known.once('types', () => this.#net.graph.input('token_type_ids', INT64, AXES));
  }

  /** int64 `[1]` */
  get length(): string {
    const { graph } = this.#net;
    return this.#known.once('length', () =>
      graph.node('Gather', [graph.node('Shape', [this.ids]), this.#net.integer(1)], { axis: 0n }),
    );
  }

  /** Of these tokens, as int64 `[1, length]`: 0, 1, 2 ... behind those that were computed before. */
  get positions(): string {
    return this.#known.once('positions', () => this.#net.unsqueeze(this.#range(this.#pastLength, this.#end), 0));
  }

  /** Of all tokens that can be seen, from 0 on: `[1, past + length]`. */
  get keyPositions(): string {
    const past = this.#pastLength;
    if (past === null) return this.positions;
    return this.#known.once('key positions', () => this.#net.unsqueeze(this.#range(null, this.#end), 0));
  }

  /**
   * Keys and values of a layer behind those of the tokens before. These tokens' own leave the graph as `key.N` and
   * `value.N`; a later run takes them as `past_key.N` and `past_value.N`.
   */
  withPast(layer: number, own: KeysValues, { heads, size }: { readonly heads: number; readonly size: number }): KeysValues {
    if (this.#options.past !== true) return own;
    const { graph } = this.#net;
    const joined = (name: string, value: string): string => {
      graph.node('Identity', [value], {}, `${name}.${layer}`);
      graph.output(`${name}.${layer}`, FLOAT, ['batch_size', heads, 'sequence_length', size]);
      const past = graph.input(`past_${name}.${layer}`, FLOAT, ['batch_size', heads, 'past_length', size]);
      return this.#net.concat(2, past, value);
    };
    return { key: joined('key', own.key), value: joined('value', own.value) };
  }

  /**
   * Positions that start behind `padding` and skip padding, as RoBERTa counts them: `[batch, length]`.
   *
   * By the ids, not the mask: a text may contain the token itself.
   */
  positionsBehind(padding: number): string {
    const net = this.#net;
    const kept = net.toInteger(net.node('Not', net.node('Equal', this.ids, net.graph.integers([BigInt(padding)], []))));
    const counted = net.node('CumSum', kept, net.graph.integers([1n], []));
    return net.node('Add', net.node('Mul', counted, kept), net.graph.integers([BigInt(padding)], []));
  }

  queries(reads: Reads): Queries {
    const net = this.#net;
    if (reads === 'all') return { reads, positions: this.positions, select: (states) => states };
    if (reads === 'first') {
      const select = (states: string): string => net.slice(states, 1, net.integer(0), net.integer(1));
      return { reads, positions: net.graph.integers([0n], [1n, 1n]), select };
    }
    const positions = this.#lastPositions();
    if (!this.#lastIsEnd) return { reads, positions, select: (states) => this.#gatherRows(states, positions) };
    const end = net.integer(Number.MAX_SAFE_INTEGER);
    return { reads, positions, select: (states) => net.slice(states, 1, net.integer(-1), end) };
  }

  /**
   * What is added to the scores `[batch, heads, queries, length]` before the softmax: 0, or the lowest float where a
   * key is not seen.
   *
   * @returns null when every query sees every key
   */
  bias(queries: Queries, sight: Sight = {}): string | null {
    const isRestricted =
      sight.distance !== undefined || (sight.causal === true && !(queries.reads === 'last' && this.#lastIsEnd));
    if (!isRestricted) return this.mask === null ? null : this.#known.once('bias', () => this.#paddingBias(this.mask!));
    const key = `bias ${queries.reads} ${sight.causal ?? false} ${sight.distance}`;
    return this.#known.once(key, () => this.#sightBias(queries, sight));
  }

  /** How far each key lies behind its query, int64 `[1 or batch, queries, keys]`: query - key. */
  distances(queries: Queries): string {
    const net = this.#net;
    return this.#known.once(`distances ${queries.reads}`, () =>
      net.node('Sub', net.unsqueeze(queries.positions, 2), net.unsqueeze(this.keyPositions, 1)),
    );
  }

  /** Whether the last token of every text is at the end of the run. */
  get #lastIsEnd(): boolean {
    return this.mask === null && this.#options.lastBefore === null;
  }

  /** int64 `[1 or batch, 1]` */
  #lastPositions(): string {
    const net = this.#net;
    return this.#known.once('last', () => {
      if (this.#lastIsEnd) return net.unsqueeze(net.node('Sub', this.#end, net.integer(1)), 0);
      const places = net.node('Mul', this.#counted(), this.positions);
      return net.graph.node('ReduceMax', [places], { axes: [1n], keepdims: 1n });
    });
  }

  /** 1 for tokens that may be the last, `[batch, length]`. */
  #counted(): string {
    const net = this.#net;
    const { lastBefore } = this.#options;
    if (lastBefore === null) return this.mask!;
    return net.toInteger(net.node('Not', net.node('Equal', this.ids, net.graph.integers([BigInt(lastBefore)], []))));
  }

  /** Row `positions[i]` of text i. */
  #gatherRows(states: string, positions: string): string {
    const past = this.#pastLength;
    const places = past === null ? positions : this.#net.node('Sub', positions, past);
    const rows = this.#net.graph.node('GatherND', [states, places], { batch_dims: 1n });
    return this.#net.unsqueeze(rows, 1);
  }

  /** `[batch, 1, 1, length]` */
  #paddingBias(mask: string): string {
    const net = this.#net;
    const kept = net.toFloat(net.unsqueeze(mask, 1, 2));
    return net.node('Mul', net.node('Sub', net.graph.scalar(1), kept), net.graph.scalar(MASKED));
  }

  /** `[1 or batch, 1, queries, length]` */
  #sightBias(queries: Queries, { causal, distance }: Sight): string {
    const net = this.#net;
    const { graph } = net;
    const behind = this.distances(queries);
    const bound = (value: number): string => graph.integers([BigInt(value)], []);
    const seen = [
      ...(causal ? [net.node('GreaterOrEqual', behind, bound(0))] : []),
      ...(distance === undefined ? [] : [net.node('LessOrEqual', causal ? behind : net.node('Abs', behind), bound(distance))]),
      ...(this.mask === null ? [] : [graph.node('Cast', [net.unsqueeze(this.mask, 1)], { to: BigInt(BOOL) })]),
    ].reduce((both, each) => net.node('And', both, each));
    return net.unsqueeze(net.node('Where', seen, graph.scalar(0), graph.scalar(MASKED)), 1);
  }

  /** How many tokens were computed before, int64 `[1]`; null in graphs that begin with these. */
  get #pastLength(): string | null {
    if (this.#options.past !== true) return null;
    const { graph } = this.#net;
    return this.#known.once('past', () =>
      graph.node('Gather', [graph.node('Shape', [FIRST_PAST]), this.#net.integer(2)], { axis: 0n }),
    );
  }

  /** Position behind the last token, int64 `[1]`. */
  get #end(): string {
    const past = this.#pastLength;
    return past === null ? this.length : this.#known.once('end', () => this.#net.node('Add', past, this.length));
  }

  /** @param start 0 when null */
  #range(start: string | null, end: string): string {
    const net = this.#net;
    const scalar = (value: string): string => net.node('Squeeze', value, net.integer(0));
    const first = start === null ? net.graph.integers([0n], []) : scalar(start);
    return net.node('Range', first, scalar(end), net.graph.integers([1n], []));
  }
}

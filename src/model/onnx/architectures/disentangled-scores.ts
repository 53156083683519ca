// DeBERTa's attention scores: content on content, and products with a row a distance, skewed into place.

import { type Heads, splitHeads, splitKeys } from './attention.ts';
import { Memo } from './memo.ts';
import type { Net } from './net.ts';
import { debertaBucket } from './relative-buckets.ts';
import type { Queries, Tokens } from './tokens.ts';

/** Distances query - key: of the first query to each key, or of both signs in columns that are skewed later. */
type Distances = 'first' | 'rising' | 'falling';

/**
 * With `d = i - j` for query i and key j, and rows `P` of a distance's embedding under the key or query projection:
 *
 *     score(i, j) = (q_i k_j + q_i Pk_d + k_j Pq_d) / sqrt(size * parts)
 */
export class DisentangledScores {
  readonly #net: Net;
  readonly #tokens: Tokens;
  readonly #heads: Heads;
  readonly #prefix: string;
  readonly #parts: readonly string[];
  /** Rows of the table of distances on either side of 0. */
  readonly #span: number;
  /** Farther distances share the last row. */
  readonly #reach: number;
  readonly #rows: readonly bigint[];
  readonly #known = new Memo();

  /** @param prefix of the encoder */
  constructor(net: Net, tokens: Tokens, heads: Heads, prefix: string) {
    const { config } = net;
    this.#net = net;
    this.#tokens = tokens;
    this.#heads = heads;
    this.#prefix = prefix;
    const isRelative = config.flag('relative_attention', false);
    this.#parts = isRelative ? config.texts('pos_att_type') : [];
    // 0 and -1 stand for none.
    const farthest = config.integerOrNull('max_relative_positions', null) || config.size('max_position_embeddings');
    const buckets = config.integerOrNull('position_buckets', null) ?? 0;
    this.#span = buckets > 0 ? buckets : farthest;
    this.#reach = buckets > 0 ? 2 * farthest : farthest;
    const bucket = (distance: number): number => (buckets > 0 ? debertaBucket(distance, buckets, farthest) : distance);
    const rowOf = (distance: number): number => Math.min(Math.max(bucket(distance) + this.#span, 0), 2 * this.#span - 1);
    this.#rows = Array.from({ length: 2 * this.#reach + 1 }, (_, i) => BigInt(rowOf(i - this.#reach)));
  }

  /** Scores `[batch, heads, queries, length]` of one layer. @param name of its attention in the checkpoint */
  build(name: string, states: string, queries: Queries): string {
    const net = this.#net;
    const { count, size } = this.#heads;
    const query = splitHeads(net, this.#projected(`${name}query_proj`, queries.select(states)), count, size);
    const keys = this.#projected(`${name}key_proj`, states);
    const content = net.node('MatMul', query, splitKeys(net, keys, count, size));
    const sum = [
      ...(this.#parts.includes('c2p') ? [this.#queryOnDistance(query, this.#table(name, 'key'), queries)] : []),
      ...(this.#parts.includes('p2c') ? [this.#keyOnDistance(keys, this.#table(name, 'query'), queries)] : []),
    ].reduce((total, part) => net.node('Add', total, part), content);
    const parts = 1 + ['c2p', 'p2c'].filter((part) => this.#parts.includes(part)).length;
    return net.node('Div', sum, net.graph.scalar(Math.sqrt(size * parts)));
  }

  #queryOnDistance(query: string, table: string, queries: Queries): string {
    const net = this.#net;
    const isAll = queries.reads === 'all';
    const rows = net.transpose(this.#rowsOf(table, isAll ? 'falling' : 'first'), 0, 2, 1);
    const products = net.node('MatMul', query, rows);
    return isAll ? this.#skewed(products) : products;
  }

  #keyOnDistance(keys: string, table: string, queries: Queries): string {
    const net = this.#net;
    const apart = splitHeads(net, keys, this.#heads.count, this.#heads.size);
    if (queries.reads === 'all') {
      const rows = net.transpose(this.#rowsOf(table, 'rising'), 0, 2, 1);
      return net.transpose(this.#skewed(net.node('MatMul', apart, rows)), 0, 1, 3, 2);
    }
    // One distance a key, so the products of each with all others are not wanted.
    const products = net.node('Mul', apart, this.#rowsOf(table, 'first'));
    return net.unsqueeze(net.graph.node('ReduceSum', [products, net.integer(-1)], { keepdims: 0n }), 2);
  }

  /**
   * Moves what was computed by distance to the place of its partner: `out(r, c) = in(r, c - r + length - 1)`.
   *
   * Read as rows that are one shorter, each row begins one place further left than the row before.
   *
   * @param products `[batch, heads, length, 2 length]`
   */
  #skewed(products: string): string {
    const net = this.#net;
    const { length } = this.#tokens;
    const shape = this.#known.once('skew shape', () => net.concat(0, net.graph.integers([0n, 0n, -1n]), this.#shorter()));
    const end = this.#known.once('skew end', () => net.node('Mul', length, this.#shorter()));
    const flat = net.slice(net.reshape(products, 0, 0, -1), 2, net.integer(0), end);
    const start = this.#known.once('skew start', () => net.node('Sub', length, net.integer(1)));
    return net.slice(net.node('Reshape', flat, shape), 3, start, this.#shorter());
  }

  /** `2 length - 1` */
  #shorter(): string {
    const net = this.#net;
    const { length } = this.#tokens;
    return this.#known.once('shorter', () => net.node('Sub', net.node('Add', length, length), net.integer(1)));
  }

  /** Rows of a table for the distances of a kind, `[heads, distances, size]`. */
  #rowsOf(table: string, kind: Distances): string {
    return this.#net.graph.node('Gather', [table, this.#indices(kind)], { axis: 1n });
  }

  #indices(kind: Distances): string {
    const net = this.#net;
    return this.#known.once(kind, () => {
      const limit = (value: number): string => net.graph.integers([BigInt(value)]);
      const near = net.node('Min', net.node('Max', this.#distances(kind), limit(-this.#reach)), limit(this.#reach));
      return net.node('Gather', net.graph.integers(this.#rows), net.node('Add', near, limit(this.#reach)));
    });
  }

  #distances(kind: Distances): string {
    const net = this.#net;
    const { length, positions } = this.#tokens;
    const places = net.node('Squeeze', positions, net.integer(0));
    if (kind === 'first') return net.node('Neg', places);
    const columns = net.concat(0, places, net.node('Add', places, length));
    const centre = net.node('Sub', length, net.integer(1));
    return kind === 'rising' ? net.node('Sub', columns, centre) : net.node('Sub', centre, columns);
  }

  /**
   * The embeddings of distances, projected as keys or queries: `[heads, 2 span, size]`. It depends on no text: the
   * runtime keeps it.
   */
  #table(name: string, role: 'key' | 'query'): string {
    const net = this.#net;
    const { count, size } = this.#heads;
    const own = net.config.flag('share_att_key', false) ? `${name}${role}_proj` : `${name}pos_${role}_proj`;
    const apart = net.reshape(this.#projected(own, this.#embeddings()), 0, count, size);
    return net.transpose(apart, 1, 0, 2);
  }

  #embeddings(): string {
    const net = this.#net;
    const hidden = this.#heads.count * this.#heads.size;
    return this.#known.once('embeddings', () => {
      const table = net.tensor(`${this.#prefix}rel_embeddings.weight`, [2 * this.#span, hidden]);
      if (!net.config.text('norm_rel_ebd', 'none').toLowerCase().includes('layer_norm')) return table;
      return net.layerNorm(`${this.#prefix}LayerNorm`, table, {
        size: hidden,
        epsilon: net.config.number('layer_norm_eps', 1e-7),
      });
    });
  }

  #projected(name: string, input: string): string {
    const hidden = this.#heads.count * this.#heads.size;
    return this.#net.linear(name, input, { from: hidden, to: hidden });
  }
}

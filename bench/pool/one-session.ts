// The other way to use all cores: one session whose operators are split among threads.

import { type InferenceSession, Tensor } from 'onnxruntime-node';
import type { ModelSpec } from '../../src/protocol.ts';
import { buildFeeds, planRuns, type RunLimits } from '../../workers/micro-batch.ts';
import { PairEncoder, PLAIN_ENCODING } from '../../workers/pair-encoder.ts';
import type { CorpusRequest } from '../corpus.ts';
import { openRuntimeSession } from '../runtime-session.ts';
import type { Drive } from './drive.ts';

const INPUTS = ['input_ids', 'attention_mask', 'token_type_ids'].map((name) => ({ name, type: 'int64' as const }));

export class OneSession {
  readonly #session: InferenceSession;
  readonly #encoder: PairEncoder;
  readonly #spec: ModelSpec;

  private constructor(session: InferenceSession, spec: ModelSpec) {
    this.#session = session;
    this.#spec = spec;
    this.#encoder = new PairEncoder(spec);
  }

  static async open(spec: ModelSpec, threads: number): Promise<OneSession> {
    return new OneSession(await openRuntimeSession(spec.onnxFile, threads), spec);
  }

  /** Encodes and scores every request with the same planner as a worker. */
  async drive(corpus: readonly CorpusRequest[], limits: RunLimits): Promise<Drive> {
    const started = performance.now();
    const logits: Float32Array[] = [];
    for (const request of corpus) logits.push(await this.#score(request, limits));
    return { seconds: (performance.now() - started) / 1000, logits };
  }

  async #score({ query, documents }: CorpusRequest, limits: RunLimits): Promise<Float32Array> {
    const pairs = Uint32Array.from({ length: 2 * documents.length }, (_, i) => (i % 2 === 0 ? 0 : (i - 1) / 2));
    const batch = { prompt: '', queries: [query], documents, pairs, encode: PLAIN_ENCODING, cost: 0 };
    const encoded = this.#encoder.encodeBatch(batch, () => false)!.map(({ rows }) => rows[0]!);
    const logits = new Float32Array(documents.length);
    const padding = { id: this.#spec.padTokenId, side: this.#spec.padSide };
    for (const run of planRuns(
      Uint32Array.from(encoded, ({ ids }) => ids.length),
      limits,
    )) {
      const rows = Array.from(run, (index) => encoded[index]!);
      const { feeds, length } = buildFeeds(rows, INPUTS, padding);
      const tensors = feeds.map(({ name, type, data }) => [name, new Tensor(type, data, [rows.length, length])] as const);
      const output = (await this.#session.run(Object.fromEntries(tensors)))['logits']!;
      run.forEach((pair, row) => {
        logits[pair] = (output.data as Float32Array)[row]!;
      });
    }
    return logits;
  }

  async close(): Promise<void> {
    await this.#session.release();
  }
}

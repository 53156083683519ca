// A model, its corpus as token ids, and one pass over it in a given plan: one thread, one session.

import type { ModelSpec } from '../../src/protocol.ts';
import { buildFeeds } from '../../workers/micro-batch.ts';
import type { OnnxSession } from '../../workers/onnx-session.ts';
import { PairEncoder, PLAIN_ENCODING, type TokenRow } from '../../workers/pair-encoder.ts';
import type { CorpusRequest } from '../corpus.ts';
import { pairFlops } from '../models/bert-shape.ts';
import type { Planner, Runs } from './plans.ts';

/** All pairs of a corpus, encoded; every plan sees them as one call. */
export interface Workload {
  readonly pairs: readonly TokenRow[];
  /** Tokens of each pair. */
  readonly lengths: Uint32Array;
  readonly tokens: number;
  /** Matrix-multiply operations of the tokens, padding not counted. */
  readonly flops: number;
  readonly padding: { readonly id: number; readonly side: 'left' | 'right' };
}

export function encodeCorpus(spec: ModelSpec, corpus: readonly CorpusRequest[]): Workload {
  const encoder = new PairEncoder(spec);
  const pairs = corpus.flatMap(({ query, documents }) => {
    const batch = {
      prompt: '',
      queries: [query],
      documents,
      pairs: queryPairs(documents.length),
      encode: PLAIN_ENCODING,
      cost: 0,
    };
    return encoder.encodeBatch(batch, () => false)!.map(({ rows }) => rows[0]!);
  });
  const lengths = Uint32Array.from(pairs, ({ ids }) => ids.length);
  const sizes = { hidden: spec.hiddenSize, layers: spec.numLayers, intermediate: spec.intermediateSize };
  return {
    pairs,
    lengths,
    tokens: lengths.reduce((sum, length) => sum + length, 0),
    flops: lengths.reduce((sum, length) => sum + pairFlops(sizes, length), 0),
    padding: { id: spec.padTokenId, side: spec.padSide },
  };
}

/** `[documents x 2]`: the only query with each document. */
function queryPairs(documents: number): Uint32Array {
  const pairs = new Uint32Array(2 * documents);
  for (let i = 0; i < documents; i += 1) pairs[2 * i + 1] = i;
  return pairs;
}

export interface Pass {
  readonly seconds: number;
  /** User and system time of this process meanwhile. */
  readonly cpuSeconds: number;
  /** In the order of the workload. */
  readonly logits: Float32Array;
  readonly runs: Runs;
}

/** Plans and scores the whole workload; planning and building of the inputs are part of the time. */
export async function pass(session: OnnxSession, { pairs, lengths, padding }: Workload, planner: Planner): Promise<Pass> {
  const logits = new Float32Array(pairs.length);
  const cpu = process.cpuUsage();
  const started = performance.now();
  const runs = planner(lengths);
  for (const run of runs) {
    const rows = Array.from(run, (index) => pairs[index]!);
    const output = await session.run(buildFeeds(rows, session.inputs, padding));
    run.forEach((pair, row) => {
      logits[pair] = output.logits[row]!;
    });
  }
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { seconds, cpuSeconds: (user + system) / 1e6, logits, runs };
}

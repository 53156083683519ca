// Measures one model over HTTP at one request size, interleaved with the bare pool.

import { type CorpusRequest, countDocuments, makeCorpus } from '../corpus.ts';
import { interleave, type RoundLimits } from '../interleave.ts';
import type { BenchModel } from '../models/bench-models.ts';
import { drive } from '../pool/drive.ts';
import { openPool } from '../pool/open-pool.ts';
import { median, percentile, type Spread, significant, spread } from '../statistics.ts';
import { type LoadResult, load } from './load.ts';
import type { ServerProcess } from './server-process.ts';

/** Connections of the comparison with the bare pool, which gets as many requests at once. */
export const SATURATING = 8;

export interface HttpCase {
  readonly model: BenchModel;
  /** Documents a request -> distinct requests of the corpus, and how often each is sent per measurement. */
  readonly sizes: Readonly<Record<number, { readonly distinct: number; readonly repeat: number }>>;
  readonly connections: readonly number[];
  readonly limits: RoundLimits;
  /** A load of one number of connections that would take longer is left out: the bench has its time. */
  readonly longestSeconds: number;
}

export interface LoadFigures {
  readonly model: string;
  readonly connections: number;
  readonly documents_per_request: number;
  readonly requests: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly documents_per_second: number;
  /** Cores busy with the load generator. */
  readonly generator_cores: number;
}

export interface ShareFigures {
  readonly model: string;
  readonly documents_per_request: number;
  readonly bare: Spread;
  readonly http: Spread;
  /** Documents a second over HTTP, over those of the pool driven directly. */
  readonly share: number;
}

export async function measureSize(
  { model, sizes, connections, limits, longestSeconds }: HttpCase,
  documents: number,
  server: ServerProcess,
  cores: number,
): Promise<{ loads: LoadFigures[]; share: ShareFigures }> {
  const { distinct, repeat } = sizes[documents]!;
  const corpus = makeCorpus({ requests: distinct, documents, ...model.texts, seed: `http ${documents}` });
  const repeated = Array.from({ length: repeat }, () => corpus).flat();
  const pool = await openPool(model.spec, cores);
  await drive(pool, corpus.slice(0, 1), 1);
  await load(server.url, corpus, { connections: 1, amount: 1 });
  const measured = await interleave<number | LoadResult>(
    {
      bare: async () => (await drive(pool, repeated, SATURATING)).seconds,
      http: () => load(server.url, corpus, { connections: SATURATING, amount: repeated.length }),
    },
    limits,
  );
  await pool.close(Number.POSITIVE_INFINITY);
  const rounds = measured['http'] as LoadResult[];
  const loads = [figuresOf(model, SATURATING, corpus, rounds)];
  for (const each of connections) {
    const amount = each === 1 ? Math.ceil(repeated.length / 4) : Math.max(each, repeated.length);
    // Every connection sends at least one whole request, which can be too much for a slow machine.
    if ((amount * documents) / loads[0]!.documents_per_second > longestSeconds) continue;
    loads.push(figuresOf(model, each, corpus, [await load(server.url, corpus, { connections: each, amount })]));
  }
  const share = shareOf(model, repeated, measured['bare'] as number[], rounds);
  return { loads: loads.sort((a, b) => a.connections - b.connections), share };
}

function figuresOf(
  model: BenchModel,
  connections: number,
  corpus: readonly CorpusRequest[],
  rounds: readonly LoadResult[],
): LoadFigures {
  const latencies = rounds.flatMap(({ latenciesMs }) => latenciesMs);
  const documents = corpus[0]!.documents.length;
  const rates = rounds.map(({ latenciesMs, seconds }) => (latenciesMs.length * documents) / seconds);
  return {
    model: model.title,
    connections,
    documents_per_request: documents,
    requests: latencies.length,
    p50_ms: significant(percentile(latencies, 0.5)),
    p99_ms: significant(percentile(latencies, 0.99)),
    documents_per_second: significant(median(rates)),
    generator_cores: significant(median(rounds.map(({ generatorSeconds, seconds }) => generatorSeconds / seconds))),
  };
}

function shareOf(
  model: BenchModel,
  corpus: readonly CorpusRequest[],
  bareSeconds: readonly number[],
  rounds: readonly LoadResult[],
): ShareFigures {
  const documents = countDocuments(corpus);
  const bare = spread(bareSeconds.map((seconds) => documents / seconds));
  const over = spread(rounds.map(({ seconds }) => documents / seconds));
  return {
    model: model.title,
    documents_per_request: corpus[0]!.documents.length,
    bare,
    http: over,
    share: significant(over.median / bare.median),
  };
}

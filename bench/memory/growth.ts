// Whether memory grows with use: resident memory of the real server after 1,000 and after 10,000 mixed requests.

import { makeCorpus } from '../corpus.ts';
import { load } from '../http/load.ts';
import { ServerProcess } from '../http/server-process.ts';
import { type BenchModel, bertBase, embedded } from '../models/bench-models.ts';
import { atMost, type BenchContext, type PartResult } from '../part.ts';
import type { Row } from '../report/table.ts';
import { significant } from '../statistics.ts';

const CONNECTIONS = 8;
const DISTINCT = 500;

export interface GrowthFigures {
  readonly model: string;
  readonly requests: readonly [first: number, all: number];
  readonly resident_mib: readonly [after_first: number, after_all: number];
  /** After all, over after the first. */
  readonly ratio: number;
}

/** A part of its own: ten thousand requests of a large model take longer than the rest of the bench together. */
export async function growth({ quick, cores, say }: BenchContext): Promise<PartResult> {
  const [first, all] = quick ? ([100, 500] as const) : ([1_000, 10_000] as const);
  const models = quick ? [embedded()] : [bertBase(), embedded()];
  const figures: GrowthFigures[] = [];
  for (const model of models) {
    say(`growth: ${model.title}, ${all} requests`);
    figures.push(await measureGrowth(model, cores, first, all));
  }
  return {
    tables: [{ title: 'memory of the server under use', rows: figures.map(row) }],
    // Too little is done in a quick run to judge.
    wanted: quick
      ? []
      : figures.map(({ model, ratio }) => atMost(`${model}: RSS after ${all} requests over RSS after ${first}`, ratio, 1.1)),
    charts: [],
    results: figures,
  };
}

function row({ model, requests, resident_mib, ratio }: GrowthFigures): Row {
  return { model, [`MiB after ${requests[0]} requests`]: resident_mib[0], [`MiB after ${requests[1]}`]: resident_mib[1], ratio };
}

/** Requests of 1 or 2 documents of 10 to 400 tokens. */
export async function measureGrowth(model: BenchModel, workers: number, first: number, all: number): Promise<GrowthFigures> {
  const corpus = makeCorpus({ requests: DISTINCT, documents: [1, 2], ...model.texts, seed: 'growth' });
  const server = await ServerProcess.start({ directory: model.directory, workers });
  try {
    await load(server.url, corpus, { connections: CONNECTIONS, amount: first });
    const afterFirst = server.residentMebibytes();
    await load(server.url, corpus, { connections: CONNECTIONS, amount: all - first });
    const afterAll = server.residentMebibytes();
    return {
      model: model.title,
      requests: [first, all],
      resident_mib: [significant(afterFirst), significant(afterAll)],
      ratio: significant(afterAll / afterFirst),
    };
  } finally {
    await server.stop();
  }
}

// Whether memory grows with use: resident memory of the real server after 1,000 and after 10,000 mixed requests.

import { makeCorpus } from '../corpus.ts';
import { load } from '../http/load.ts';
import { ServerProcess } from '../http/server-process.ts';
import type { BenchModel } from '../models/bench-models.ts';
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

/** Requests of 1 to 4 documents of 10 to 400 tokens. */
export async function measureGrowth(model: BenchModel, workers: number, first: number, all: number): Promise<GrowthFigures> {
  const corpus = makeCorpus({ requests: DISTINCT, documents: [1, 4], ...model.texts, seed: 'growth' });
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

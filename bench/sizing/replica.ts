// Memory and start of the real server by its number of workers, after every worker has scored its longest pair.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Dtype } from '../../src/protocol.ts';
import { type CorpusRequest, makeCorpus } from '../corpus.ts';
import { load } from '../http/load.ts';
import { ServerProcess } from '../http/server-process.ts';
import type { BenchModel } from '../models/bench-models.ts';
import { significant } from '../statistics.ts';
import { peakOfChildren, processMemory } from './process-memory.ts';

export interface ReplicaFigures {
  readonly model: string;
  readonly dtype: Dtype;
  readonly workers: number;
  /** What no file backs: each replica's own. */
  readonly anonymous_mib: number;
  /** Code and the mapped copy. */
  readonly file_mib: number;
  /** From spawn to /ready, the copy being there. */
  readonly ready_ms: number;
}

export interface ColdFigures {
  readonly model: string;
  readonly dtype: Dtype;
  /** The server and the process that makes the copy, together. */
  readonly anonymous_peak_mib: number;
  /** From spawn to /ready with one worker, the copy being made. */
  readonly ready_ms: number;
}

/** Words of the longest documents: above the limit of every model, so that they are cut to it. */
const LONG_WORDS = 700;

export async function measureReplica(model: BenchModel, dtype: Dtype, workers: number): Promise<ReplicaFigures> {
  const server = await ServerProcess.start({ directory: model.directory, workers, flags: ['--dtype', dtype] });
  try {
    const mixed = makeCorpus({ requests: 8 * workers, documents: 2, ...model.texts, seed: 'sizing' });
    await load(server.url, mixed, { connections: 2 * workers, amount: mixed.length });
    const longest = Array.from({ length: 2 * workers }, () => longestPairs(model, workers));
    await load(server.url, longest, { connections: workers, amount: longest.length });
    const { anonymousMebibytes, fileMebibytes } = processMemory(server.pid);
    return {
      model: model.title,
      dtype,
      workers,
      anonymous_mib: significant(anonymousMebibytes),
      file_mib: significant(fileMebibytes),
      ready_ms: significant(server.readyMs),
    };
  } finally {
    await server.stop();
  }
}

/** As many different documents as workers, each too long. */
function longestPairs({ texts }: BenchModel, count: number): CorpusRequest {
  const words = (from: number): string =>
    Array.from({ length: LONG_WORDS }, (_, i) => texts.words[(from + i) % texts.words.length]).join(' ');
  return { query: words(0).slice(0, 40), documents: Array.from({ length: count }, (_, i) => words(7 * (i + 1))) };
}

/** A first start: nothing is in the cache. */
export async function measureColdStart(model: BenchModel, dtype: Dtype): Promise<ColdFigures> {
  const cache = mkdtempSync(join(tmpdir(), 'crossrank-sizing-'));
  try {
    const { result: readyMs, mebibytes } = await peakOfChildren(async () => {
      const flags = ['--dtype', dtype, '--cache-dir', cache];
      const server = await ServerProcess.start({ directory: model.directory, workers: 1, flags });
      await server.stop();
      return server.readyMs;
    });
    return { model: model.title, dtype, anonymous_peak_mib: significant(mebibytes), ready_ms: significant(readyMs) };
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
}

// Part: this checkout beside another one of the project, both over HTTP, side by side. Shows what a change costs ordinary requests.

import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { type CorpusRequest, makeCorpus } from '../corpus.ts';
import { load } from '../http/load.ts';
import { ServerProcess } from '../http/server-process.ts';
import { interleave, type RoundLimits } from '../interleave.ts';
import { type BenchModel, embedded, minilm } from '../models/bench-models.ts';
import { atLeast, atMost, type BenchContext, type PartResult, type Wanted } from '../part.ts';
import { COPIES } from '../paths.ts';
import type { Row } from '../report/table.ts';
import { type Rounds, type VersionFigures, versionFigures } from './compare.ts';

interface Case {
  readonly model: BenchModel;
  readonly documents: number;
  readonly distinct: number;
  readonly connections: number;
  readonly amount: number;
}

export async function versions(context: BenchContext): Promise<PartResult> {
  const { against } = context;
  if (against === null) throw new Error('name the other checkout, built: --only versions --against DIRECTORY');
  const figures: VersionFigures[] = [];
  for (const model of context.quick ? [embedded()] : [embedded(), minilm()]) {
    const ours = await ServerProcess.start({ directory: model.directory, workers: context.cores });
    const theirs = await ServerProcess.start({
      directory: model.directory,
      workers: context.cores,
      entry: join(resolve(against), 'dist/src/main.js'),
      flags: ['--cache-dir', `${COPIES}-other`],
    });
    try {
      for (const each of cases(model, context.quick)) figures.push(await measure(each, ours, theirs, context));
    } finally {
      await Promise.all([ours.stop(), theirs.stop()]);
    }
  }
  return {
    tables: [{ title: 'this checkout over the other one', rows: figures.map(row) }],
    wanted: figures.flatMap(wanted),
    charts: [],
    results: { other: revision(against), figures },
  };
}

/** Some seconds each, so that there is time for many rounds. The larger the model, the less of a call is ours. */
function cases(model: BenchModel, quick: boolean): Case[] {
  const times = (amount: number): number => (quick ? Math.max(8, Math.round(amount / 10)) : amount);
  if (model.title !== 'crossrank-mini') return [{ model, documents: 16, distinct: 64, connections: 8, amount: times(16) }];
  return [
    { model, documents: 16, distinct: 64, connections: 1, amount: times(100) },
    { model, documents: 16, distinct: 64, connections: 8, amount: times(200) },
    { model, documents: 200, distinct: 16, connections: 8, amount: times(16) },
  ];
}

const LIMITS: RoundLimits = { minRounds: 7, maxRounds: 21, budgetMs: 45_000 };
const QUICK_LIMITS: RoundLimits = { minRounds: 2, maxRounds: 2, budgetMs: 10_000 };

async function measure(
  { model, documents, distinct, connections, amount }: Case,
  ours: ServerProcess,
  theirs: ServerProcess,
  { say, quick }: BenchContext,
): Promise<VersionFigures> {
  say(`versions: ${model.title}, ${documents} documents, ${connections} connections`);
  const corpus = makeCorpus({ requests: distinct, documents, ...model.texts, seed: `versions ${documents}` });
  await warm([ours, theirs], corpus);
  const against = (server: ServerProcess) => () => load(server.url, corpus, { connections, amount });
  const rounds = await interleave({ ours: against(ours), theirs: against(theirs) }, quick ? QUICK_LIMITS : LIMITS);
  return versionFigures({ model: model.title, documents, connections }, rounds as unknown as Rounds);
}

async function warm(servers: readonly ServerProcess[], corpus: readonly CorpusRequest[]): Promise<void> {
  for (const { url } of servers) await load(url, corpus, { connections: 2, amount: 16 });
}

function row(figures: VersionFigures): Row {
  return {
    model: figures.model,
    documents: figures.documents,
    connections: figures.connections,
    'documents/s': figures.documents_per_second.ours,
    'of the other': figures.documents_per_second.theirs,
    'speed ratio': figures.speed_ratio,
    'p99 ms': figures.p99_ms.ours,
    'p99 of the other': figures.p99_ms.theirs,
    'p99 ratio': figures.p99_ratio,
    rounds: figures.rounds,
  };
}

function wanted({ model, documents, connections, speed_ratio, p99_ratio }: VersionFigures): Wanted[] {
  const name = `${model}, ${documents} documents, ${connections} connections`;
  return [
    atLeast(`${name}: documents/s over the other checkout's`, speed_ratio, 0.98),
    atMost(`${name}: p99 over the other checkout's`, p99_ratio, 1.02),
  ];
}

function revision(directory: string): string {
  return execFileSync('git', ['-C', directory, 'rev-parse', 'HEAD'], { encoding: 'utf8' }).trim();
}

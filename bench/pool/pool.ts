// Part 2: what further cores bring. One worker, a worker a core, and one session with all cores as intra-op threads.

import { RUN_LIMITS } from '../../workers/micro-batch.ts';
import { type CorpusRequest, countDocuments, makeCorpus } from '../corpus.ts';
import { interleave, type RoundLimits } from '../interleave.ts';
import { type BenchModel, embedded, minilm } from '../models/bench-models.ts';
import { atLeast, type BenchContext, type PartResult, type Wanted } from '../part.ts';
import type { Row } from '../report/table.ts';
import { largestDifference, type Spread, significant, spread } from '../statistics.ts';
import { type Drive, drive } from './drive.ts';
import { OneSession } from './one-session.ts';
import { openPool } from './open-pool.ts';

const SAME_LOGITS = 1e-4;

const ONE_WORKER = '1 worker';

/** Requests under way at once; each is split among the workers, so two keep them all busy. */
const CONCURRENCY = 4;

interface AlternativeFigures {
  readonly alternative: string;
  readonly seconds: Spread;
  readonly documents_per_second: number;
  readonly over_one_worker: number;
}

interface PoolFigures {
  readonly model: string;
  readonly documents: number;
  readonly alternatives: readonly AlternativeFigures[];
}

export async function pool(context: BenchContext): Promise<PartResult> {
  const { quick, cores } = context;
  const limits = quick ? { minRounds: 1, maxRounds: 3, budgetMs: 5_000 } : { minRounds: 3, maxRounds: 9, budgetMs: 40_000 };
  const figures: PoolFigures[] = [];
  for (const [model, requests] of [[minilm(), quick ? 2 : 18] as const, [embedded(), quick ? 8 : 60] as const]) {
    const corpus = makeCorpus({ requests, documents: 32, ...model.texts, seed: 'pool' });
    context.say(`pool: ${model.title}, ${countDocuments(corpus)} documents`);
    figures.push(await measure(model, corpus, cores, limits));
  }
  return {
    tables: figures.map((each) => ({
      title: `pool: ${each.model}, ${each.documents} documents`,
      rows: each.alternatives.map(row),
    })),
    wanted: cores > 1 ? wanted(figures[0]!, cores) : [],
    charts: [chart(figures)],
    results: { concurrency: CONCURRENCY, results: figures },
  };
}

async function measure(
  model: BenchModel,
  corpus: readonly CorpusRequest[],
  cores: number,
  limits: RoundLimits,
): Promise<PoolFigures> {
  const single = await openPool(model.spec, 1);
  const full = await openPool(model.spec, cores);
  const session = await OneSession.open(model.spec, cores);
  const runs = RUN_LIMITS.float32;
  const larger = { ...runs, maxTokens: runs.maxTokens * cores };
  const measured = await interleave<Drive>(
    {
      [ONE_WORKER]: () => drive(single, corpus, CONCURRENCY),
      [workersName(cores)]: () => drive(full, corpus, CONCURRENCY),
      [sessionName(cores)]: () => session.drive(corpus, runs),
      [`${sessionName(cores)}, larger runs`]: () => session.drive(corpus, larger),
    },
    limits,
  );
  await Promise.all([single.close(Number.POSITIVE_INFINITY), full.close(Number.POSITIVE_INFINITY), session.close()]);
  return summarize(model, countDocuments(corpus), measured);
}

function workersName(cores: number): string {
  return `${cores} workers`;
}

function sessionName(cores: number): string {
  return `1 session, ${cores} threads`;
}

/** @throws Error when an alternative gives other logits */
function summarize(model: BenchModel, documents: number, measured: Record<string, Drive[]>): PoolFigures {
  const reference = measured[ONE_WORKER]!;
  const base = spread(reference.map(({ seconds }) => seconds)).median;
  const alternatives = Object.entries(measured).map(([alternative, drives]) => {
    drives[0]!.logits.forEach((logits, index) => {
      const difference = largestDifference(logits, reference[0]!.logits[index]!);
      if (!(difference <= SAME_LOGITS)) throw new Error(`${alternative} gives logits that differ by ${difference}`);
    });
    const seconds = spread(drives.map((each) => each.seconds));
    return {
      alternative,
      seconds,
      documents_per_second: significant(documents / seconds.median),
      over_one_worker: significant(base / seconds.median),
    };
  });
  return { model: model.title, documents, alternatives };
}

function row({ alternative, documents_per_second, over_one_worker, seconds }: AlternativeFigures): Row {
  return {
    alternative,
    'documents/s': documents_per_second,
    'over 1 worker': over_one_worker,
    'p25-p75 s': `${seconds.p25}-${seconds.p75}`,
    rounds: seconds.rounds,
  };
}

function wanted({ model, alternatives }: PoolFigures, cores: number): Wanted[] {
  const over = (name: string): number => alternatives.find(({ alternative }) => alternative === name)!.over_one_worker;
  const workers = over(workersName(cores));
  const sessions = Math.max(over(sessionName(cores)), over(`${sessionName(cores)}, larger runs`));
  const note = cores === 2 ? undefined : 'asked of a machine with 2 cores';
  return [
    atLeast(`${model}: ${workersName(cores)} over 1 worker`, workers, 1.85, note),
    atLeast(`${model}: ${workersName(cores)} over ${sessionName(cores)}`, significant(workers / sessions), 1),
  ];
}

function chart(figures: readonly PoolFigures[]): PartResult['charts'][number] {
  return {
    name: 'pool',
    title: 'Further cores: workers of one thread beside one session of several',
    subtitle: 'mixed lengths',
    panels: figures.map(({ model, alternatives }) => ({
      title: model,
      unit: 'documents a second',
      bars: alternatives.map(({ alternative, documents_per_second: value, over_one_worker }) => ({
        label: alternative,
        value,
        accent: alternative.endsWith('workers'),
        note: `${over_one_worker.toFixed(2)}x`,
      })),
    })),
  };
}

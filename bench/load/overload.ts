// Part `load`: what the server does at, below and far above its capacity. Open loop, a real process, answers checked.

import { ServerProcess } from '../http/server-process.ts';
import { type BenchModel, embedded, minilm } from '../models/bench-models.ts';
import type { BenchContext, PartResult } from '../part.ts';
import {
  DEADLINE_SECONDS,
  type LoadFigures,
  type LoadTimes,
  measureCapacity,
  measureRate,
  QUEUE_SECONDS,
  type RateFigures,
} from './measure-rates.ts';
import { overloadResult } from './overload-report.ts';
import { flatness } from './sample-figures.ts';
import { Sampler } from './sampler.ts';
import { rankShots, withScores } from './shots.ts';

interface LoadCase {
  readonly model: BenchModel;
  readonly distinct: number;
  readonly times: LoadTimes;
}

/** Shares of the capacity offered. */
const SHARES = [0.5, 0.9, 1.5, 3] as const;

const DOCUMENTS = [20, 50] as const;
const SAMPLE_MS = 500;

export async function load(context: BenchContext): Promise<PartResult> {
  const figures: LoadFigures[] = [];
  for (const each of cases(context)) figures.push(await measureModel(each, context));
  return overloadResult(figures, context);
}

function cases({ quick }: BenchContext): LoadCase[] {
  if (quick) return [{ model: embedded(), distinct: 12, times: { warmSeconds: 3, seconds: 5 } }];
  return [
    { model: minilm(), distinct: 24, times: { warmSeconds: 5, seconds: 30 } },
    { model: embedded(), distinct: 64, times: { warmSeconds: 4, seconds: 16 } },
  ];
}

async function measureModel({ model, distinct, times }: LoadCase, { cores, say }: BenchContext): Promise<LoadFigures> {
  const flags = ['--max-queue-seconds', String(QUEUE_SECONDS), '--request-timeout', String(DEADLINE_SECONDS)];
  const server = await ServerProcess.start({ directory: model.directory, workers: cores, flags });
  try {
    const shots = await withScores(server.url, rankShots(model, { label: 'rank', requests: distinct, documents: DOCUMENTS }));
    say(`load: ${model.title}, capacity`);
    const capacity = await measureCapacity(server, shots, times, cores);
    const sampler = new Sampler(server.pid, server.url, SAMPLE_MS);
    const rates: RateFigures[] = [];
    for (const share of SHARES) {
      const offered = share * capacity.requests_per_second;
      say(`load: ${model.title}, ${100 * share} % of capacity, ${offered.toFixed(1)} requests/s`);
      rates.push(await measureRate(server, shots, times, { share, ratePerSecond: offered }));
    }
    const samples = await sampler.stop();
    return { model: model.title, capacity, rates, rss_last_over_first: flatness(samples.map(({ rss_mib }) => rss_mib)) };
  } finally {
    await server.stop();
  }
}

// Part `soak`: twenty minutes of mixed traffic with bursts, first alone, then beside clients that hold connections.

import { setTimeout as sleep } from 'node:timers/promises';
import { ServerProcess } from '../http/server-process.ts';
import { embedded } from '../models/bench-models.ts';
import type { BenchContext, PartResult } from '../part.ts';
import { askChild } from './child.ts';
import { generate } from './generator.ts';
import type { LoadRecord, LoadRun } from './open-loop.ts';
import { Sampler } from './sampler.ts';
import type { Shot } from './shot.ts';
import type { SlowConnection, SlowPlan } from './slow-clients.ts';
import { type Phase, SOAK_TIMEOUTS, type SoakFigures, soakResult } from './soak-report.ts';
import { SOAK_LIMITS, soakTraffic, wholesome } from './soak-traffic.ts';

interface SoakTimes {
  /** Traffic alone. */
  readonly aloneSeconds: number;
  /** Traffic beside slow clients. */
  readonly besideSeconds: number;
  /** From one burst to the next; the first comes in the middle of the first interval. */
  readonly burstEverySeconds: number;
  readonly burstSeconds: number;
  readonly sampleMs: number;
}

/** Of the capacity: what the traffic offers, and what a burst adds. */
const SHARE = 0.5;
const BURST_SHARE = 1.5;

const CAPACITY_SECONDS = 5;
const SOCKETS = 1000;
const GIVE_UP_MS = 1000 * (SOAK_TIMEOUTS.requestSeconds + 5);
const SLOW_EACH = 20;
const SLOW_BYTE_MS = 400;

const FLAGS = [
  ['--max-queue-seconds', SOAK_TIMEOUTS.queueSeconds],
  ['--request-timeout', SOAK_TIMEOUTS.requestSeconds],
  ['--headers-timeout', SOAK_TIMEOUTS.headersSeconds],
  ['--body-timeout', SOAK_TIMEOUTS.bodySeconds],
  ['--keep-alive-timeout', SOAK_TIMEOUTS.keepAliveSeconds],
  ['--payload-limit', SOAK_LIMITS.payloadBytes],
  ['--max-client-batch-size', SOAK_LIMITS.documents],
].flatMap(([flag, value]) => [String(flag), String(value)]);

export async function soak(context: BenchContext): Promise<PartResult> {
  const model = embedded();
  const server = await ServerProcess.start({ directory: model.directory, workers: context.cores, flags: FLAGS });
  try {
    const traffic = await soakTraffic(server.url, model);
    return soakResult(await measure(server, traffic, times(context), context));
  } finally {
    await server.stop();
  }
}

function times({ quick }: BenchContext): SoakTimes {
  return quick
    ? { aloneSeconds: 12, besideSeconds: 28, burstEverySeconds: 10, burstSeconds: 2, sampleMs: 500 }
    : { aloneSeconds: 240, besideSeconds: 960, burstEverySeconds: 60, burstSeconds: 5, sampleMs: 1000 };
}

async function measure(
  server: ServerProcess,
  traffic: readonly Shot[],
  soakTimes: SoakTimes,
  { cores, say }: BenchContext,
): Promise<SoakFigures> {
  const documentsPerSecond = await capacity(server.url, wholesome(traffic), cores);
  const fullRate = documentsPerSecond / meanDocuments(traffic);
  say(`soak: capacity ${documentsPerSecond.toFixed(0)} documents/s, so ${(SHARE * fullRate).toFixed(1)} requests/s`);
  const sampler = new Sampler(server.pid, server.url, soakTimes.sampleMs);
  await sleep(2 * soakTimes.sampleMs);
  const atRest = sampler.samples.at(-1)!;
  const alone = await phase(server.url, traffic, fullRate, soakTimes, 'alone');
  say('soak: beside slow clients');
  const slowPlan: SlowPlan = { url: server.url, each: SLOW_EACH, seconds: soakTimes.besideSeconds, byteEveryMs: SLOW_BYTE_MS };
  const [beside, slow] = await Promise.all([
    phase(server.url, traffic, fullRate, soakTimes, 'beside'),
    askChild<SlowConnection[]>(SLOW_ENTRY, slowPlan, 1000 * (slowPlan.seconds + 60)),
  ]);
  await sleep(1000 * (SOAK_TIMEOUTS.keepAliveSeconds + 3)); // what leaks is open after this
  const samples = await sampler.stop();
  return { phases: [alone, beside], slow, samples, atRest, documentsPerSecond };
}

const SLOW_ENTRY = new URL('./slow-clients-main.js', import.meta.url);

async function capacity(url: string, shots: readonly Shot[], cores: number): Promise<number> {
  const plan = { url, shots, seed: 'soak', timeoutMs: GIVE_UP_MS, backOffMs: 100 } as const;
  const { records, generator } = await generate({ kind: 'closed', ...plan, callers: 3 * cores, seconds: CAPACITY_SECONDS });
  return records.reduce((sum, { right, documents }) => sum + (right ? documents : 0), 0) / generator.seconds;
}

function meanDocuments(shots: readonly Shot[]): number {
  return shots.reduce((sum, { documents }) => sum + documents, 0) / shots.length;
}

/** The traffic, and the bursts on top of it. */
async function phase(
  url: string,
  shots: readonly Shot[],
  fullRate: number,
  times: SoakTimes,
  name: Phase['name'],
): Promise<Phase> {
  const seconds = name === 'alone' ? times.aloneSeconds : times.besideSeconds;
  const startedAt = Date.now();
  const offer = (seed: string, share: number, length: number): Promise<LoadRun> =>
    generate({
      kind: 'open',
      url,
      shots,
      arrivals: 'poisson',
      ratePerSecond: share * fullRate,
      seconds: length,
      seed: `soak ${name} ${seed}`,
      timeoutMs: GIVE_UP_MS,
      sockets: SOCKETS,
    });
  const [steady, bursts] = await Promise.all([offer('steady', SHARE, seconds), burst(seconds, times, offer)]);
  return { name, startedAt, seconds, steady: steady.records, bursts, generator: steady.generator };
}

async function burst(
  seconds: number,
  { burstEverySeconds, burstSeconds }: SoakTimes,
  offer: (seed: string, share: number, length: number) => Promise<LoadRun>,
): Promise<LoadRecord[]> {
  const started = performance.now();
  const records: LoadRecord[] = [];
  for (let at = burstEverySeconds / 2; at + burstSeconds < seconds; at += burstEverySeconds) {
    await sleep(Math.max(0, at * 1000 - (performance.now() - started)));
    records.push(...(await offer(`burst ${at}`, BURST_SHARE, burstSeconds)).records);
  }
  return records;
}

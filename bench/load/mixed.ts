// Part `mixed`: small requests beside large ones that fill the machine, with the fair queue and with a plain first-in-first-out one.

import { fileURLToPath } from 'node:url';
import { ServerProcess } from '../http/server-process.ts';
import { type BenchModel, embedded, minilm } from '../models/bench-models.ts';
import type { BenchContext, PartResult } from '../part.ts';
import { percentile, significant } from '../statistics.ts';
import { generate } from './generator.ts';
import { type ArmFigures, type ArmName, type MixedFigures, mixedResult } from './mixed-report.ts';
import type { LoadRecord } from './open-loop.ts';
import type { Shot } from './shot.ts';
import { rankShots, withScores } from './shots.ts';
import { countOutcomes, isWrong, latencies } from './summary.ts';

interface MixedCase {
  readonly model: BenchModel;
  /** Large requests under way at once. */
  readonly callers: number;
  readonly smallPerSecond: number;
  /** How long each arm runs; the first `warmSeconds` do not count. */
  readonly seconds: Readonly<Record<ArmName, number>>;
  readonly warmSeconds: number;
}

/** What the server is started with, and whether large requests run beside the small ones. */
const ARMS: Readonly<Record<ArmName, { readonly fifo: boolean; readonly saturated: boolean }>> = {
  idle: { fifo: false, saturated: false },
  fair: { fifo: false, saturated: true },
  fifo: { fifo: true, saturated: true },
};

const FIFO_SERVER = fileURLToPath(new URL('./fifo-server.js', import.meta.url));

export const SMALL_DOCUMENTS = 5;
export const LARGE_DOCUMENTS = 5000;
const DISTINCT = { small: 40, large: 3 } as const;

/** Under a first-in-first-out queue a small request waits for all large ones before it. */
const TIMEOUT_MS = 300_000;

export async function mixed(context: BenchContext): Promise<PartResult> {
  const figures: MixedFigures[] = [];
  for (const each of cases(context)) figures.push(await measureModel(each, context));
  return mixedResult(figures);
}

function cases({ quick }: BenchContext): MixedCase[] {
  if (quick) {
    const seconds = { idle: 6, fair: 16, fifo: 20 };
    return [{ model: embedded(), callers: 3, smallPerSecond: 5, seconds, warmSeconds: 2 }];
  }
  return [
    { model: minilm(), callers: 2, smallPerSecond: 2, seconds: { idle: 40, fair: 160, fifo: 120 }, warmSeconds: 5 },
    { model: embedded(), callers: 4, smallPerSecond: 8, seconds: { idle: 30, fair: 40, fifo: 40 }, warmSeconds: 5 },
  ];
}

async function measureModel(each: MixedCase, { cores, say }: BenchContext): Promise<MixedFigures> {
  const { model, callers, smallPerSecond } = each;
  const arms: ArmFigures[] = [];
  let small = rankShots(model, { label: 'small', requests: DISTINCT.small, documents: SMALL_DOCUMENTS });
  const large = rankShots(model, { label: 'large', requests: DISTINCT.large, documents: LARGE_DOCUMENTS });
  for (const [name, { fifo, saturated }] of Object.entries(ARMS) as [ArmName, (typeof ARMS)[ArmName]][]) {
    say(`mixed: ${model.title}, ${name}`);
    const server = await ServerProcess.start({
      directory: model.directory,
      workers: cores,
      ...(fifo && { entry: FIFO_SERVER }),
    });
    try {
      if (name === 'idle') small = await withScores(server.url, small);
      arms.push(await measureArm(each, name, server, { small, large: saturated ? large : [] }));
    } finally {
      await server.stop();
    }
  }
  return { model: model.title, callers, small_per_second: smallPerSecond, arms };
}

/** Both loads in processes of their own, the large one first. */
async function measureArm(
  { callers, smallPerSecond, seconds, warmSeconds }: MixedCase,
  name: ArmName,
  server: ServerProcess,
  { small, large }: { readonly small: readonly Shot[]; readonly large: readonly Shot[] },
): Promise<ArmFigures> {
  const common = { url: server.url, seconds: seconds[name], timeoutMs: TIMEOUT_MS };
  const largeLoad = large.length > 0 && saturate({ ...common, shots: large, callers });
  const run = await generate({
    kind: 'open',
    ...common,
    shots: small,
    arrivals: 'poisson',
    ratePerSecond: smallPerSecond,
    seed: `mixed ${name}`,
    sockets: 500,
  });
  const answered = run.records.filter(({ scheduledMs }) => scheduledMs >= 1000 * warmSeconds);
  const largeRecords = largeLoad === false ? [] : await largeLoad;
  const waits = answered.flatMap(({ queueMs }) => queueMs ?? []);
  return {
    arm: name,
    small: latencies(answered),
    queue_p99_ms: significant(percentile(waits, 0.99)),
    outcomes: countOutcomes(answered),
    wrong: answered.filter(isWrong).length,
    large_answered: largeRecords.filter(({ status }) => status === 200).length,
    large_outcomes: countOutcomes(largeRecords),
  };
}

async function saturate(plan: {
  readonly url: string;
  readonly seconds: number;
  readonly timeoutMs: number;
  readonly shots: readonly Shot[];
  readonly callers: number;
}): Promise<readonly LoadRecord[]> {
  const run = await generate({ kind: 'closed', ...plan, seed: 'large', backOffMs: 100, leaveAtEnd: true });
  return run.records;
}

// A process of its own: opens sessions in worker threads, one after another, and tells what each cost. Started by session-cost.ts.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { ModelWeights } from '../../src/protocol.ts';
import { buildFeeds } from '../../workers/micro-batch.ts';
import { OnnxSession } from '../../workers/onnx-session.ts';

/** What one further session cost the process. */
export interface SessionCost {
  readonly createMs: number;
  /** Memory no file backs, after a run: what a worker adds that others cannot share. NaN where there is no /proc. */
  readonly privateMebibytes: number;
}

/** Tokens of the run that makes the session allocate its working memory. */
const RUN_TOKENS = 128;

/**
 * Memory of this process no file backs. Not `Private_*`: pages that two workers of one process map count as shared there, so the figure of the
 * first would fall when the second comes, and fresh pages of a file that is still being written back count as dirty.
 */
function anonymousMebibytes(): number {
  try {
    return Number(/^Anonymous:\s+(\d+)/m.exec(readFileSync('/proc/self/smaps_rollup', 'utf8'))?.[1] ?? Number.NaN) / 1024;
  } catch {
    return Number.NaN;
  }
}

async function openSessions(weights: ModelWeights, count: number): Promise<SessionCost[]> {
  const costs: SessionCost[] = [];
  const workers: Worker[] = [];
  for (let i = 0; i < count; i += 1) {
    const before = anonymousMebibytes();
    const worker = new Worker(new URL(import.meta.url), { workerData: weights });
    const [createMs] = (await once(worker, 'message')) as [number];
    costs.push({ createMs, privateMebibytes: anonymousMebibytes() - before });
    workers.push(worker);
  }
  for (const worker of workers) await worker.terminate();
  return costs;
}

async function openOne(weights: ModelWeights): Promise<void> {
  const started = performance.now();
  const session = await OnnxSession.open({ weights, cpuMemArena: false });
  const createMs = performance.now() - started;
  const ids = Int32Array.from({ length: RUN_TOKENS }, (_, i) => 200 + i);
  const row = { ids, typeIds: new Int32Array(RUN_TOKENS), truncated: false };
  await session.run(buildFeeds([row], session.inputs, { id: 0, side: 'right' }));
  parentPort!.postMessage(createMs);
  setInterval(() => {}, 1 << 30); // the session stays until it is terminated
}

if (isMainThread) {
  const [weights, count] = process.argv.slice(2);
  process.stdout.write(JSON.stringify(await openSessions(JSON.parse(weights!) as ModelWeights, Number(count))));
} else {
  await openOne(workerData as ModelWeights);
}

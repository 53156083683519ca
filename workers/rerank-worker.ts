// Entry of a worker thread: load, warm up, report ready, then score and tokenise. Errors leave as data.

import { parentPort, threadId, workerData } from 'node:worker_threads';
import { move, transferableSymbol, valueSymbol } from 'piscina';
import { RerankError, toErrorData } from '../src/errors.ts';
import type { BatchScores, WorkerFailed, WorkerOptions, WorkerReady, WorkerReply, WorkerTask } from '../src/protocol.ts';
import { RunGate } from './run-gate.ts';
import { BatchScorer } from './scorer.ts';
import { yieldToOtherThreads } from './thread-priority.ts';
import { warmUp } from './warm-up.ts';

type Handler = (task: WorkerTask) => Promise<WorkerReply>;

async function initialize(): Promise<Handler> {
  const options = workerData as WorkerOptions;
  try {
    const started = performance.now();
    yieldToOtherThreads(options.nice);
    const scorer = await BatchScorer.open(options);
    const warm = await warmUp(scorer, options.spec, options.weights);
    report({ kind: 'ready', threadId, loadMs: performance.now() - started, ...warm });
    return (task) => work(scorer, task);
  } catch (error) {
    // The class and code of an Error are lost on the way to the main thread, this message keeps them.
    report({ kind: 'failed', threadId, error: toErrorData(error, 'model_files') });
    throw error;
  }
}

function report(message: WorkerReady | WorkerFailed): void {
  if (parentPort === null) throw new RerankError('internal', 'rerank-worker runs only as a worker thread. This is a bug.');
  parentPort.postMessage(message);
}

async function work(scorer: BatchScorer, { batch, cancel, phase }: WorkerTask): Promise<WorkerReply> {
  const isCancelled = (): boolean => Atomics.load(cancel, 0) !== 0;
  try {
    if ('texts' in batch) return { ok: true, ...scorer.tokenize(batch, isCancelled) };
    return transferred(await scorer.score(batch, isCancelled, new RunGate(phase)));
  } catch (error) {
    return { ok: false, error: toErrorData(error, 'inference') };
  }
}

/** Marks the reply's buffers as moved, not copied. Each array owns its whole buffer: moving a view would detach its parent. */
function transferred(scores: BatchScores): WorkerReply {
  const { logits, tokenCounts, truncated, chunks } = scores;
  const buffers = [logits, tokenCounts, truncated, ...(chunks === null ? [] : [chunks])].map(({ buffer }) => buffer);
  const reply = { ok: true, ...scores };
  // Piscina's types know a single movable value; an object with its two symbols carries several buffers.
  const movable = { [transferableSymbol]: buffers, [valueSymbol]: reply } as unknown as Parameters<typeof move>[0];
  return move(movable) as unknown as WorkerReply;
}

/** Piscina looks the handler up as the module's default export. */
export default initialize();

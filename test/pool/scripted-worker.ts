// A worker for pool tests: obeys its documents instead of a model. `score N` gives N, `sleep MS` blocks as a run does,
// `die` ends the thread, `die-once FILE` only while FILE is absent. `spin` never comes back from JavaScript, `stuck
// FILE` from the runtime,
// until FILE exists, and neither looks at the flag. It fails to load while its model directory holds `fail`.

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, threadId, workerData } from 'node:worker_threads';
import type { WorkerOptions, WorkerReply, WorkerTask } from '../../src/protocol.ts';
import { RunGate } from '../../workers/run-gate.ts';

async function initialize(): Promise<(task: WorkerTask) => Promise<WorkerReply>> {
  const { spec } = workerData as WorkerOptions;
  if (existsSync(join(spec.directory, 'fail'))) {
    parentPort?.postMessage({ kind: 'failed', threadId, error: { code: 'model_files', message: 'told to fail' } });
    throw new Error('told to fail');
  }
  parentPort?.postMessage({
    kind: 'ready',
    threadId,
    facts: {
      inputs: [],
      output: 'logits',
      numLabels: 1,
      flatOutput: false,
      specialTokens: 3,
      runtimeVersion: 'none',
      dtype: 'float32',
      packed: false,
    },
    tokensPerSecond: 1000,
    loadMs: 1,
    knownPairError: null,
  });
  return obey;
}

async function obey({ batch, cancel, phase }: WorkerTask): Promise<WorkerReply> {
  if ('texts' in batch) {
    const sleepMs = Number(batch.texts[0]);
    if (sleepMs > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, sleepMs);
    if (Atomics.load(cancel, 0) !== 0) return { ok: false, error: { code: 'cancelled', message: 'flag seen' } };
    const none = new Int32Array(0);
    return {
      ok: true,
      tokens: batch.texts.map((text) => ({ ids: none, starts: none, stops: none, texts: [text] })),
      tokenizationMs: 1,
    };
  }
  const logits = new Float32Array(batch.pairs.length / 2);
  for (let i = 0; i < logits.length; i += 1) {
    if (Atomics.load(cancel, 0) !== 0) return { ok: false, error: { code: 'cancelled', message: 'flag seen' } };
    const [verb, argument = ''] = batch.documents[batch.pairs[2 * i + 1]!]!.split(' ');
    if (verb === 'score') logits[i] = Number(argument);
    if (verb === 'sleep') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(argument));
    if (verb === 'refuse') return { ok: false, error: { code: 'inference', message: 'told to refuse' } };
    if (verb === 'die') process.exit(1);
    if (verb === 'spin') for (;;);
    if (verb === 'stuck') {
      const gate = new RunGate(phase);
      gate.enter();
      while (!existsSync(argument)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      gate.leave();
    }
    if (verb === 'die-once' && !existsSync(argument)) {
      writeFileSync(argument, '');
      process.exit(1);
    }
  }
  const pairs = logits.length;
  return {
    ok: true,
    logits,
    numLabels: 1,
    tokenCounts: new Uint32Array(pairs).fill(1),
    truncated: new Uint8Array(pairs),
    chunks: null,
    tokenizationMs: 0,
    inferenceMs: 1,
    tokenSlots: pairs,
    runs: 1,
  };
}

export default initialize();

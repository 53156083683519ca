import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { EMBEDDED_MODEL_DIRECTORY } from '../../src/embedded-model.ts';
import { loadModelSpec } from '../../src/model/model-spec.ts';
import { ownWeightsSource } from '../../src/model/weights.ts';
import { WorkerPool } from '../../src/pool/worker-pool.ts';

/** Nice value of every thread of this process: field 19 of proc(5)'s stat, the 17th after the name. */
function niceOfThreads(): ReadonlyMap<number, number> {
  const threads = readdirSync('/proc/self/task');
  return new Map(
    threads.map((thread) => {
      const stat = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8');
      return [Number(thread), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16])];
    }),
  );
}

test('worker threads yield to the main thread', {
  skip: process.platform !== 'linux' && 'Linux alone has a nice value a thread',
}, async () => {
  const spec = loadModelSpec(EMBEDDED_MODEL_DIRECTORY, { id: null, onnxFile: null, maxLength: null, pairTemplate: null });
  const before = niceOfThreads();
  const pool = await WorkerPool.start({ spec, weights: ownWeightsSource(spec), workers: 2, cpuMemArena: false, nice: 7 });
  const during = niceOfThreads();
  await pool.close(0);
  assert.equal(during.get(process.pid), before.get(process.pid), 'the main thread stays as it was');
  assert.ok([...during.values()].filter((nice) => nice === 7).length >= 2, String([...during.values()]));
});

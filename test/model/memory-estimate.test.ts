// A start that cannot fit is refused with a number; packed copies and int8 need less.

import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { RerankError } from '../../src/errors.ts';
import { checkMemory, estimateMemory, type MemoryPlan } from '../../src/model/memory-estimate.ts';
import { fakeSpec } from '../helpers/model-spec.ts';
import { oracleModel } from '../helpers/oracle.ts';

const GIB = 2 ** 30;
const ONE: MemoryPlan = { workers: 1, dtype: 'float32', packed: false };

test('a start that cannot fit names the length that does', () => {
  const spec = fakeSpec({ maxLength: 8192, hiddenSize: 1024, numHeads: 16, intermediateSize: 4096 });
  const need = estimateMemory(spec, ONE);
  assert.ok(need.runBytes > 8 * GIB && need.runBytes < 10 * GIB, 'two score matrices of 16 heads x 8192^2 floats are 8 GiB');
  assert.equal(checkMemory(spec, ONE, 16 * GIB).runBytes, need.runBytes);
  const two = { ...ONE, workers: 2 };
  assert.throws(
    () => checkMemory(spec, two, 16 * GIB),
    (error: unknown) => {
      assert.ok(error instanceof RerankError && error.code === 'config');
      const length = Number(/--max-length (\d+) fits/.exec(error.message)?.[1]);
      assert.ok(length >= 4096 && length < 8192, error.message);
      checkMemory({ ...spec, maxLength: length }, two, 16 * GIB);
      return true;
    },
  );
  assert.throws(() => checkMemory(spec, ONE, 100 * 2 ** 20), /not even short pairs fit/);
});

test('external data counts, and the weights of a packed copy count once', () => {
  const onnxFile = join(oracleModel('external-data'), 'model.onnx');
  const spec = fakeSpec({ onnxFile });
  const bytes = statSync(onnxFile).size + statSync(`${onnxFile}_data`).size;
  const need = (plan: Partial<MemoryPlan>): number => estimateMemory(spec, { ...ONE, workers: 4, ...plan }).weightsBytes;
  assert.equal(estimateMemory(spec, ONE).fileBytes, bytes);
  assert.equal(need({}), 4 * bytes);
  assert.ok(need({ packed: true }) < 2 * bytes);
  assert.equal(need({ dtype: 'int8' }), bytes);
});

test('processes are counted: their heaps and runs each, the packed weights once', () => {
  const spec = fakeSpec({ onnxFile: join(oracleModel('external-data'), 'model.onnx'), maxLength: 512 });
  const one = estimateMemory(spec, { ...ONE, packed: true });
  const four = estimateMemory(spec, { ...ONE, packed: true, processes: 4 });
  assert.equal(four.weightsBytes, estimateMemory(spec, { ...ONE, packed: true, workers: 4 }).weightsBytes);
  assert.ok(four.totalBytes > 3 * one.totalBytes);
  assert.throws(
    () => checkMemory(spec, { ...ONE, processes: 4 }, 2 ** 20),
    /1 worker\(s\) in each of 4 processes .* fewer --processes/s,
  );
});

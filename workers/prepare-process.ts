// Entry of the preparing process: quantise when asked, pack, check, report. Errors leave as data.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RerankError, toErrorData } from '../src/errors.ts';
import { quantizeModel } from '../src/model/onnx/quantize-model.ts';
import type { ModelWeights, PrepareMessage, PrepareTask } from '../src/protocol.ts';
import { packModel, recordCheck } from './pack.ts';

const GRAPH = 'model.onnx';
const QUANTIZED = 'quantized.onnx';

/** Progress is for people. */
const PROGRESS_INTERVAL_MS = 100;

async function prepare(task: PrepareTask): Promise<PrepareMessage> {
  const { spec, dtype, pack, directory } = task;
  if (!pack) {
    const notes = await quantize(task, join(directory, GRAPH));
    const weights: ModelWeights = { onnxFile: join(directory, GRAPH), dtype, packed: false, check: null };
    return { kind: 'done', onnxFile: GRAPH, check: await recordCheck(spec, weights), notes };
  }
  const quantized = join(directory, QUANTIZED);
  const notes = dtype === 'int8' ? await quantize(task, quantized) : [];
  report({ kind: 'progress', stage: 'pack', done: 0, total: 1 });
  const source = dtype === 'int8' ? quantized : spec.onnxFile;
  const check = await packModel(spec, { onnxFile: source, dtype, packed: false, check: null }, join(directory, GRAPH));
  for (const path of [quantized, `${quantized}.data`]) await rm(path, { force: true });
  report({ kind: 'progress', stage: 'pack', done: 1, total: 1 });
  return { kind: 'done', onnxFile: GRAPH, check, notes };
}

async function quantize({ spec, reducedRange }: PrepareTask, target: string): Promise<string[]> {
  let last = 0;
  const onProgress = (done: number, total: number): void => {
    const now = performance.now();
    if (now - last < PROGRESS_INTERVAL_MS && done < total) return;
    last = now;
    report({ kind: 'progress', stage: 'quantize', done, total });
  };
  const { matMuls, gemms, kept } = await quantizeModel(spec.onnxFile, target, { reducedRange, onProgress });
  if (matMuls + gemms === 0) {
    throw new RerankError(
      'model_files',
      `${spec.onnxFile} has no matrix product with float weights to quantise; is it quantised already? Then serve it with --dtype float32`,
    );
  }
  return kept.map((each) => `stays float32: ${each}`);
}

function report(message: PrepareMessage): void {
  process.send?.(message);
}

process.once('message', (task: PrepareTask) => {
  prepare(task)
    .catch((error: unknown): PrepareMessage => ({ kind: 'failed', error: toErrorData(error, 'internal') }))
    .then((message) => process.send?.(message, () => process.disconnect()));
});

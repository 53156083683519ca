// Compiles a directory that real_model.py wrote and compares its logits with the recorded ones: node compare-compiled.js DIR

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { compileRepository } from '../../src/model/onnx/architectures/repository.ts';
import { writeOnnxModel } from '../../src/model/onnx/onnx-model.ts';
import { type CompiledFixture, largestDifference, scoreTexts } from '../helpers/compiled.ts';

async function compare(directory: string, scratch: string): Promise<void> {
  const { cases } = JSON.parse(readFileSync(join(directory, 'cases.json'), 'utf8')) as CompiledFixture;
  const graph = join(scratch, 'model.onnx');
  await writeOnnxModel(compileRepository(directory), graph);
  const session = await InferenceSession.create(graph, { logSeverityLevel: 3 });
  const logits: number[][] = [];
  for (const each of cases) logits.push(...(await scoreTexts(session, [each])));
  const reference = cases.map((each) => each.logits);
  const order = (rows: readonly (readonly number[])[]): string =>
    rows
      .map((_, i) => i)
      .sort((a, b) => rows[b]![0]! - rows[a]![0]! || a - b)
      .join();
  const values = reference.flat();
  console.log(`${cases.length} pairs, logits ${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)}`);
  console.log(`largest relative difference ${largestDifference(logits, reference).toExponential(1)}`);
  console.log(`order ${order(logits) === order(reference) ? 'equal' : 'differs'}`);
}

const scratch = mkdtempSync(join(tmpdir(), 'crossrank-compare-'));
try {
  await compare(process.argv[2]!, scratch);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

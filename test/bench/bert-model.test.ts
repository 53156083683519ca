import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { makeCorpus } from '../../bench/corpus.ts';
import { openSession } from '../../bench/engine/open-session.ts';
import { inRequestOrder, sortedByLength } from '../../bench/engine/plans.ts';
import { encodeCorpus, pass, type Workload } from '../../bench/engine/workload.ts';
import type { BertShape } from '../../bench/models/bert-shape.ts';
import { modelDirectory } from '../../bench/models/model-directory.ts';
import { syntheticWords } from '../../bench/models/vocabulary.ts';
import { largestDifference } from '../../bench/statistics.ts';
import { loadModelSpec } from '../../src/model/model-spec.ts';
import type { OnnxSession } from '../../workers/onnx-session.ts';

const TINY: BertShape = { name: 'tiny', hidden: 32, layers: 2, heads: 4, intermediate: 64, vocabulary: 600, positions: 512 };

let cache = '';
let directory = '';
let session: OnnxSession;
let workload: Workload;

before(async () => {
  cache = mkdtempSync(join(tmpdir(), 'crossrank-bench-test-'));
  directory = modelDirectory(TINY, cache);
  const spec = loadModelSpec(directory, { id: null, onnxFile: null, maxLength: null, pairTemplate: null });
  session = await openSession(spec.onnxFile);
  const words = syntheticWords(TINY.vocabulary);
  workload = encodeCorpus(spec, makeCorpus({ requests: 2, documents: 8, words, style: 'words', seed: 'tiny' }));
});

after(async () => {
  await session.release();
  rmSync(cache, { recursive: true });
});

test('a text of n words is n tokens: corpus lengths are token counts', () => {
  const [first] = makeCorpus({ requests: 2, documents: 8, words: syntheticWords(TINY.vocabulary), style: 'words', seed: 'tiny' });
  const words = (text: string): number => text.split(' ').length;
  assert.equal(workload.lengths[0], words(first!.query) + words(first!.documents[0]!) + 3);
});

test('logits differ between texts and do not depend on padding', async () => {
  const alone = await pass(session, workload, inRequestOrder(1));
  const padded = await pass(session, workload, inRequestOrder(8));
  const sorted = await pass(session, workload, sortedByLength(5));
  assert.ok(new Set(alone.logits).size > 10 && alone.logits.every(Number.isFinite));
  assert.ok(largestDifference(alone.logits, padded.logits) < 1e-5);
  assert.ok(largestDifference(alone.logits, sorted.logits) < 1e-5);
});

test('a model is written once, and the same again after it was removed', () => {
  const model = (): Buffer => readFileSync(join(directory, 'model.onnx'));
  const before = model();
  assert.equal(modelDirectory(TINY, cache), directory);
  rmSync(directory, { recursive: true });
  modelDirectory(TINY, cache);
  assert.deepEqual(model(), before);
});

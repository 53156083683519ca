import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RerankError } from '../../src/errors.ts';
import { activate } from '../../src/rerank/activation.ts';
import { resolvePrompt } from '../../src/rerank/prompt.ts';
import { checkFinite, rank } from '../../src/rerank/rank.ts';

const NO_DEFAULTS = { prompt: null, promptName: null };

test('rank: score descending, equal scores by index', () => {
  const scores = Float32Array.of(0.5, 0.9, 0.5, 1, 0.9);
  assert.deepEqual(
    rank(scores, scores, null).map(({ index }) => index),
    [3, 1, 4, 0, 2],
  );
});

test('ties of a saturated sigmoid: by index, or by the logit and then the index', () => {
  const logits = Float32Array.of(40, -300, 60, 40, -200, 0);
  const scores = activate(logits, 1, 'sigmoid', false);
  assert.deepEqual([scores[0], scores[2], scores[1], scores[4]], [1, 1, 0, 0]);
  const order = (tieBreak?: 'index' | 'logit'): number[] => rank(scores, logits, null, tieBreak).map(({ index }) => index);
  assert.deepEqual(order(), [0, 2, 3, 5, 1, 4]);
  assert.deepEqual(order('index'), order());
  assert.deepEqual(order('logit'), [2, 0, 3, 5, 4, 1]);
  const infinite = Float32Array.of(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
  assert.deepEqual(
    rank(infinite, infinite, 2, 'logit').map(({ index }) => index),
    [1, 2],
  );
});

test('rank cuts as a Python slice does', () => {
  const scores = Float32Array.of(3, 1, 2);
  const kept = (topK: number | null): number[] => rank(scores, scores, topK).map(({ index }) => index);
  assert.deepEqual(kept(null), [0, 2, 1]);
  assert.deepEqual(kept(2), [0, 2]);
  assert.deepEqual(kept(0), []);
  assert.deepEqual(kept(-1), [0, 2]);
  assert.deepEqual(kept(-5), []);
  assert.deepEqual(kept(100), [0, 2, 1]);
});

test('rank gives the logit beside the score, float32 widened', () => {
  const [first] = rank(Float32Array.of(0.1), Float32Array.of(-2.5), null);
  assert.deepEqual(first, { index: 0, score: Math.fround(0.1), logit: -2.5 });
});

test('NaN is an error that names the document', () => {
  assert.throws(
    () => rank(Float32Array.of(1, 2, Number.NaN), new Float32Array(3), null),
    (error: unknown) => error instanceof RerankError && error.code === 'inference' && /document 2/.test(error.message),
  );
  assert.throws(() => checkFinite(Float32Array.of(1, 2, 3, Number.NaN), 'pair', 2), /pair 1/);
  checkFinite(Float32Array.of(Number.POSITIVE_INFINITY), 'pair');
});

test('activations saturate and do not overflow', () => {
  const logits = Float32Array.of(-200, 0, 200);
  assert.deepEqual(Array.from(activate(logits, 1, 'sigmoid', false)), [0, 0.5, 1]);
  assert.deepEqual(Array.from(activate(logits, 1, 'tanh', false)), [-1, 0, 1]);
  assert.deepEqual(Array.from(activate(logits, 3, 'softmax', false)), [0, 0, 1]);
  assert.deepEqual(Array.from(activate(Float32Array.of(-9000, -9001), 2, 'softmax', false)), [
    Math.fround(1 / (1 + Math.exp(-1))),
    Math.fround(1 / (1 + Math.exp(1))),
  ]);
  assert.deepEqual(Array.from(logits), [-200, 0, 200], 'the logits are not changed');
});

test('apply_softmax over one label gives 1, as in sentence-transformers', () => {
  assert.deepEqual(Array.from(activate(Float32Array.of(0, 1), 1, 'identity', true)), [1, 1]);
});

test('prompts: text over name over server default over model default', () => {
  const spec = { prompts: { web: 'W: ', legal: 'L: ' }, defaultPromptName: 'web' };
  assert.equal(resolvePrompt(spec, { prompt: 'P: ', promptName: 'legal' }, NO_DEFAULTS), 'P: ');
  assert.equal(resolvePrompt(spec, { prompt: '', promptName: 'legal' }, NO_DEFAULTS), '');
  assert.equal(resolvePrompt(spec, { prompt: null, promptName: 'legal' }, NO_DEFAULTS), 'L: ');
  assert.equal(resolvePrompt(spec, { prompt: null, promptName: null }, NO_DEFAULTS), 'W: ');
  assert.equal(resolvePrompt(spec, { prompt: null, promptName: null }, { prompt: 'S: ', promptName: null }), 'S: ');
  assert.equal(resolvePrompt(spec, { prompt: null, promptName: null }, { prompt: null, promptName: 'legal' }), 'L: ');
  assert.equal(resolvePrompt({ prompts: {}, defaultPromptName: null }, { prompt: null, promptName: null }, NO_DEFAULTS), '');
});

test('an unknown prompt name fails, names of Object.prototype included', () => {
  const spec = { prompts: { web: 'W: ' }, defaultPromptName: null };
  for (const promptName of ['nope', 'constructor', '__proto__']) {
    assert.throws(
      () => resolvePrompt(spec, { prompt: null, promptName }, NO_DEFAULTS),
      (error: unknown) =>
        error instanceof RerankError &&
        error.code === 'validation' &&
        error.message === `Prompt name '${promptName}' not found in the configured prompts dictionary with keys ['web'].`,
    );
  }
});

test('an unknown prompt name of any length makes a short error', () => {
  const spec = { prompts: {}, defaultPromptName: null };
  const refused = () => resolvePrompt(spec, { prompt: null, promptName: 'x'.repeat(1_000_000) }, NO_DEFAULTS);
  assert.throws(refused, (error: unknown) => error instanceof RerankError && error.message.length < 300);
});

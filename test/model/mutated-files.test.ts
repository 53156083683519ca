// A small model whose JSON files are changed at random: it loads and gives finite scores, or is refused in a few words. Nothing else.

import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { RerankError } from '../../src/errors.ts';
import { loadModelSpec } from '../../src/model/model-spec.ts';
import { PLAIN_ENCODING } from '../../workers/pair-encoder.ts';
import { BatchScorer } from '../../workers/scorer.ts';
import { warmUp } from '../../workers/warm-up.ts';
import { oracleModel } from '../helpers/oracle.ts';

const root = mkdtempSync(join(tmpdir(), 'crossrank-mutated-'));
after(() => rmSync(root, { recursive: true }));

const SEED = 20_261_128;
const RUNS = 150;
const MAX_MESSAGE_CHARS = 2000;

const FILES = {
  'config.json': null,
  'tokenizer.json': null,
  'tokenizer_config.json': null,
  'special_tokens_map.json': null,
  'sentence_bert_config.json': { max_seq_length: 128, do_lower_case: false },
  'config_sentence_transformers.json': {
    model_type: 'CrossEncoder',
    prompts: { a: 'A: ' },
    default_prompt_name: 'a',
    activation_fn: 'torch.nn.modules.activation.Sigmoid',
  },
  'modules.json': [{ idx: 0, name: '0', path: '', type: 'sentence_transformers.base.modules.transformer.Transformer' }],
  'pair_template.json': { prefix: 'q: ', separator: ' d: ', suffix: '' },
  'known-pair.json': { query: 'a', document: 'b', logit: 0 },
} as const;

const hostile = fc.oneof(
  fc.constantFrom<unknown[]>(0, -1, 0.5, 1, 2, 1e9, 2 ** 31, 1e308, -1e308, null, true, false, '', 'NaN', '-1', '1e9'),
  fc.constantFrom<unknown[]>(
    [],
    {},
    [[]],
    [null],
    { toString: 1 },
    { length: 1e9 },
    { type: 'constructor' },
    '__proto__',
    'constructor',
  ),
  fc.constantFrom('a'.repeat(100_000), '\u0301'.repeat(3000), '\ud800', '('.repeat(50)),
  fc.integer({ min: 1, max: 200 }).map((depth) => JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as unknown),
);

/** Where a file is changed: a share of the keys at each level, and how many levels down. */
const mutation = fc.record({
  family: fc.constantFrom('bert', 'xlmr', 'roberta', 'deberta-v2'),
  file: fc.constantFrom(...(Object.keys(FILES) as (keyof typeof FILES)[])),
  way: fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1, maxLength: 6 }),
  value: hostile,
});

/** Replaces the value at the end of the way; gives back what it was called. */
function mutate(value: unknown, [share, ...rest]: readonly number[], replacement: unknown): unknown {
  if (typeof value !== 'object' || value === null || share === undefined) return replacement;
  const keys = Object.keys(value);
  const key = keys[Math.floor(share * keys.length)];
  if (key === undefined) return replacement;
  const copy: Record<string, unknown> | unknown[] = Array.isArray(value) ? [...value] : { ...value };
  (copy as Record<string, unknown>)[key] = mutate((value as Record<string, unknown>)[key], rest, replacement);
  return copy;
}

function modelWith({
  family,
  file,
  way,
  value,
}: {
  family: string;
  file: keyof typeof FILES;
  way: number[];
  value: unknown;
}): string {
  const directory = mkdtempSync(join(root, 'model-'));
  cpSync(oracleModel(family), directory, { recursive: true });
  const isOwn = FILES[file] === null;
  const content = isOwn ? (JSON.parse(readFileSync(join(directory, file), 'utf8')) as unknown) : FILES[file];
  if (!isOwn) {
    // Files of sentence-transformers are read only beside each other.
    for (const name of ['modules.json', 'config_sentence_transformers.json'] as const)
      writeFileSync(join(directory, name), JSON.stringify(FILES[name]));
  }
  writeFileSync(join(directory, file), JSON.stringify(mutate(content, way, value)));
  return directory;
}

/** Logits of two pairs, after the whole way of a start. */
async function firstLogits(directory: string): Promise<Float32Array> {
  const spec = loadModelSpec(directory, { id: 'm', onnxFile: null, maxLength: null, pairTemplate: null });
  const weights = { onnxFile: spec.onnxFile, dtype: 'float32', packed: false, check: null } as const;
  const scorer = await BatchScorer.open({ spec, weights, cpuMemArena: false });
  try {
    const { tokensPerSecond } = await warmUp(scorer, spec, weights);
    assert.ok(tokensPerSecond > 0 && Number.isFinite(tokensPerSecond));
    const batch = {
      queries: ['a b'],
      documents: ['c', 'd e f'],
      pairs: Uint32Array.of(0, 0, 0, 1),
      encode: PLAIN_ENCODING,
      prompt: '',
      cost: 0,
    };
    return (await scorer.score(batch, () => false)).logits;
  } finally {
    await scorer.close();
  }
}

test('any change of a file leaves a model that scores, or is refused with a short error', { timeout: 120_000 }, async () => {
  let loaded = 0;
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(mutation, async (change) => {
      const directory = modelWith(change);
      try {
        const logits = await firstLogits(directory);
        assert.ok(logits.every(Number.isFinite));
        loaded += 1;
      } catch (error) {
        assert.ok(error instanceof RerankError, `${(error as Error).stack}`);
        assert.equal(error.code, 'model_files', error.message);
        assert.ok(error.message.length <= MAX_MESSAGE_CHARS, `${error.message.length} characters`);
        refused += 1;
      } finally {
        rmSync(directory, { recursive: true });
      }
    }),
    { seed: SEED, numRuns: RUNS, endOnFailure: true },
  );
  // Otherwise the changes would reach nothing, or nothing would be left to change.
  assert.ok(loaded > RUNS / 10 && refused > RUNS / 10, `${loaded} loaded, ${refused} refused`);
});

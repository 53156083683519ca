import assert from 'node:assert/strict';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { RerankError } from '../../../../src/errors.ts';
import { compileRepository, repositoryFiles } from '../../../../src/model/onnx/architectures/repository.ts';
import { compiledDirectory, largestDifference, openCompiled, readFixture, scoreTexts } from '../../../helpers/compiled.ts';
import { temporaryDirectory } from '../../../helpers/onnx-graph.ts';

/** A family's directory, with these files written over it. */
function copyOf(t: TestContext, family: string, files: Readonly<Record<string, unknown>> = {}): string {
  const directory = temporaryDirectory(t);
  cpSync(compiledDirectory(family), directory, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(directory, name, '..'), { recursive: true });
    writeFileSync(join(directory, name), JSON.stringify(content));
  }
  return directory;
}

const TRANSFORMER = { idx: 0, name: '0', path: '', type: 'sentence_transformers.models.Transformer' };

function modulesOf(...rest: readonly (readonly [path: unknown, type: unknown])[]): unknown {
  return [TRANSFORMER, ...rest.map(([path, type], i) => ({ idx: i + 1, name: `${i + 1}`, path, type }))];
}

describe('a causal model', () => {
  test('takes its tokens from a LogitScore module, whatever its own files do not say', async (t) => {
    const { cases, trueFalse } = readFixture('qwen3-causal');
    const [true_token_id, false_token_id] = trueFalse!;
    const directory = copyOf(t, 'qwen3-causal', {
      'modules.json': modulesOf(['1_LogitScore', 'sentence_transformers.cross_encoder.modules.logit_score.LogitScore']),
      '1_LogitScore/config.json': { true_token_id, false_token_id, module_input_name: 'causal_logits' },
    });
    const session = await openCompiled(t, compileRepository(directory));
    const logits = await scoreTexts(session, cases.slice(0, 8));
    assert.ok(
      largestDifference(
        logits,
        cases.slice(0, 8).map((each) => each.logits),
      ) <= 1e-5,
    );
  });

  test('keeps two rows of its vocabulary', () => {
    const model = compileRepository(compiledDirectory('qwen2-causal-sharded'), {
      scoreTokens: { trueToken: 40, falseToken: 41 },
    });
    const heads = model.graph.initializer.filter(({ name }) => name.startsWith('lm_head'));
    assert.deepEqual(
      heads.map(({ name, dims }) => ({ name, dims })),
      [
        { name: 'lm_head.weight[40:41]', dims: [1n, 32n] },
        { name: 'lm_head.weight[41:42]', dims: [1n, 32n] },
      ],
    );
  });
});

test('a classifier that modules.json calls a Transformer alone is a classifier', async (t) => {
  const { cases } = readFixture('bert');
  const directory = copyOf(t, 'bert', { 'modules.json': modulesOf() });
  const session = await openCompiled(t, compileRepository(directory));
  const logits = await scoreTexts(session, cases.slice(0, 4));
  assert.ok(
    largestDifference(
      logits,
      cases.slice(0, 4).map((each) => each.logits),
    ) <= 1e-5,
  );
});

test('switches of older pooling configurations are read', async (t) => {
  const { cases } = readFixture('mean-modules');
  const directory = copyOf(t, 'mean-modules', {
    '1_Pooling/config.json': { word_embedding_dimension: 32, pooling_mode_cls_token: false, pooling_mode_mean_tokens: true },
  });
  const session = await openCompiled(t, compileRepository(directory));
  const logits = await scoreTexts(session, cases.slice(0, 4));
  assert.ok(
    largestDifference(
      logits,
      cases.slice(0, 4).map((each) => each.logits),
    ) <= 1e-5,
  );
});

describe('the files that a graph follows from', () => {
  const shards = ['model-00001-of-00003.safetensors', 'model-00002-of-00003.safetensors', 'model-00003-of-00003.safetensors'];
  const heads = ['2_Dense', '3_LayerNorm', '4_Dense_scores'].flatMap((name) => [
    `${name}/config.json`,
    `${name}/model.safetensors`,
  ]);
  const cases: Readonly<Record<string, readonly string[]>> = {
    bert: ['config.json', 'model.safetensors'],
    'bert-sharded': ['config.json', 'model.safetensors.index.json', ...shards],
    'ettin-modules': ['modules.json', 'config.json', 'model.safetensors', '1_Pooling/config.json', ...heads],
  };
  for (const [family, files] of Object.entries(cases)) {
    test(family, () => assert.deepEqual(repositoryFiles(compiledDirectory(family)), files));
  }
});

describe('a directory is refused', () => {
  const dense = { in_features: 32, out_features: 32, bias: false, activation_function: 'torch.nn.modules.activation.GELU' };
  const pooling = ['1_Pooling', 'sentence_transformers.models.Pooling'] as const;
  const cases: Readonly<Record<string, readonly [family: string, files: Readonly<Record<string, unknown>>, message: RegExp]>> = {
    'of a causal model that says no tokens': ['llama-causal-one-token', {}, /by which tokens it scores is not said/],
    'of modules that are no list': ['ettin-modules', { 'modules.json': {} }, /modules\.json is no list/],
    'of a module outside': ['ettin-modules', { 'modules.json': modulesOf(['../1_Pooling', 'x.Pooling']) }, /is no module/],
    'of a module above': ['ettin-modules', { 'modules.json': modulesOf(['..', 'x.Pooling']) }, /is no module/],
    'of a module that is nothing': ['ettin-modules', { 'modules.json': [null] }, /null is no module/],
    'of modules without a transformer': ['ettin-modules', { 'modules.json': [] }, /does not begin with a Transformer/],
    'of modules without a pooling': [
      'ettin-modules',
      { 'modules.json': modulesOf(['2_Dense', 'x.Dense']) },
      /Pooling should follow/,
    ],
    'of modules without scores': [
      'ettin-modules',
      { 'modules.json': modulesOf(pooling, ['2_Dense', 'x.Dense']) },
      /no Dense module gives scores/,
    ],
    'of an unknown module': [
      'ettin-modules',
      { 'modules.json': modulesOf(pooling, ['2_Dense', 'x.WordWeights'], ['4_Dense_scores', 'x.Dense']) },
      /WordWeights is not supported/,
    ],
    'of an unknown activation': [
      'ettin-modules',
      { '2_Dense/config.json': { ...dense, activation_function: 'mine.Bend' } },
      /activation mine\.Bend/,
    ],
    'of an unknown pooling': ['ettin-modules', { '1_Pooling/config.json': { pooling_mode: 'median' } }, /pooling mode 'median'/],
    'of a pooling that leaves out prompts': [
      'ettin-modules',
      { '1_Pooling/config.json': { include_prompt: false } },
      /include_prompt/,
    ],
    'of a module of another shape': [
      'ettin-modules',
      { '2_Dense/config.json': { ...dense, in_features: 16 } },
      /2_Dense.*'linear\.weight' are \[32,32\]/,
    ],
    'of a module with weights left over': [
      'ettin-modules',
      { '4_Dense_scores/config.json': { ...dense, out_features: 1, module_output_name: 'scores' } },
      /4_Dense_scores.*linear\.bias/,
    ],
  };
  for (const [name, [family, files, message]] of Object.entries(cases)) {
    test(name, (t) => {
      const directory = copyOf(t, family, files);
      assert.throws(
        () => compileRepository(directory),
        (error) => {
          assert.ok(error instanceof RerankError && error.code === 'model_files', String(error));
          assert.match(error.message, message);
          return true;
        },
      );
    });
  }

  test('without weights, and with a pickle only', (t) => {
    const directory = copyOf(t, 'bert');
    rmSync(join(directory, 'model.safetensors'));
    assert.throws(() => compileRepository(directory), /has no model\.safetensors/);
    writeFileSync(join(directory, 'pytorch_model.bin'), '');
    assert.throws(() => compileRepository(directory), /pytorch_model\.bin only/);
  });
});

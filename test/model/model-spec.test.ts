import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { RerankError } from '../../src/errors.ts';
import { CrossEncoder } from '../../src/index.ts';
import { type LoadModelOptions, loadModelSpec } from '../../src/model/model-spec.ts';
import { oracleModel } from '../helpers/oracle.ts';

const DEFAULTS: LoadModelOptions = { id: null, onnxFile: null, maxLength: null, pairTemplate: null };

type Files = Readonly<Record<string, unknown>>;

/** sentence-transformers reads its own files only of a model saved as this: with modules.json and the model type. */
function savedBySt(config: object): Files {
  return {
    'modules.json': [{ idx: 0, name: '0', path: '', type: 'sentence_transformers.base.modules.transformer.Transformer' }],
    'config_sentence_transformers.json': { model_type: 'CrossEncoder', ...config },
  };
}

const BERT = {
  architectures: ['BertForSequenceClassification'],
  model_type: 'bert',
  max_position_embeddings: 512,
  id2label: { 0: 'LABEL_0' },
};

/** Runs `body` on a directory that holds the files: objects as JSON, strings as they are. */
function withModel<T>(files: Files, body: (directory: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), 'crossrank-model-'));
  try {
    const all = { 'config.json': BERT, 'tokenizer.json': {}, 'model.onnx': 'weights', ...files };
    for (const [name, content] of Object.entries(all)) {
      if (content === null) continue;
      mkdirSync(join(directory, name, '..'), { recursive: true });
      writeFileSync(join(directory, name), typeof content === 'string' ? content : JSON.stringify(content));
    }
    return body(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function specOf(files: Files, options: Partial<LoadModelOptions> = {}) {
  return withModel(files, (directory) => loadModelSpec(directory, { ...DEFAULTS, ...options }));
}

function failsWith(files: Files, pattern: RegExp, options: Partial<LoadModelOptions> = {}): void {
  assert.throws(
    () => specOf(files, options),
    (error: unknown) => error instanceof RerankError && error.code === 'model_files' && pattern.test(error.message),
  );
}

test('missing files: one error lists what was looked for and what is there', () => {
  failsWith(
    { 'model.onnx': null, 'notes.txt': 'x' },
    /lacks model\.onnx or onnx\/model\.onnx; it holds config\.json, notes\.txt, tokenizer\.json$/,
  );
  failsWith({ 'tokenizer.json': null, 'config.json': null }, /lacks config\.json, tokenizer\.json; it holds model\.onnx/);
  failsWith({ 'model.onnx': null, 'onnx/model_O3.onnx': 'w' }, /onnx\/model_O3\.onnx.*--onnx-file/);
  failsWith({}, /lacks onnx\/none\.onnx/, { onnxFile: 'onnx/none.onnx' });
  assert.throws(() => loadModelSpec('/nonexistent/model', DEFAULTS), /no model directory at/);
});

test('broken JSON names its file', () => {
  failsWith({ 'config.json': '{"a":' }, /^config\.json of the model is broken/);
  failsWith({ 'tokenizer_config.json': '[]' }, /^tokenizer_config\.json of the model is broken: not a JSON object/);
});

test('weights: the root first, then onnx/, or the file named', () => {
  const files = { 'onnx/model.onnx': 'b', 'onnx/model_O1.onnx': 'c' };
  assert.match(specOf(files).onnxFile, /(?<!onnx)\/model\.onnx$/);
  assert.match(specOf({ ...files, 'model.onnx': null }).onnxFile, /onnx\/model\.onnx$/);
  assert.match(specOf(files, { onnxFile: 'onnx/model_O1.onnx' }).onnxFile, /onnx\/model_O1\.onnx$/);
});

test('a hub-cache snapshot of links is loaded under its repository name, external data included', async () => {
  const cache = mkdtempSync(join(tmpdir(), 'crossrank-hub-'));
  const repo = join(cache, 'models--acme--tiny-reranker');
  const snapshot = join(repo, 'snapshots', '0123456789abcdef');
  cpSync(oracleModel('external-data'), join(repo, 'blobs'), { recursive: true });
  mkdirSync(snapshot, { recursive: true });
  for (const name of ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.onnx', 'model.onnx_data']) {
    symlinkSync(join('..', '..', 'blobs', name), join(snapshot, name));
  }
  const spec = loadModelSpec(snapshot, DEFAULTS);
  assert.equal(spec.id, 'acme/tiny-reranker');
  assert.equal(spec.revision, '0123456789abcdef');
  await using model = await CrossEncoder.load(snapshot, { workers: 1 });
  await using direct = await CrossEncoder.load(oracleModel('external-data'), { workers: 1 });
  const pairs = [['a query', 'a document']] as const;
  assert.deepEqual(await model.predict(pairs), await direct.predict(pairs));
  rmSync(cache, { recursive: true });
});

test('maximum length: saved limit, tokenizer, positions, in the original’s order', () => {
  assert.equal(specOf({}).maxLength, 512);
  assert.equal(specOf({ 'tokenizer_config.json': { model_max_length: 128 } }).maxLength, 128);
  assert.equal(specOf({ 'tokenizer_config.json': { model_max_length: 1e30 } }).maxLength, 512);
  assert.equal(specOf({ 'tokenizer_config.json': { model_max_length: 4096 } }).maxLength, 512);
  assert.equal(
    specOf({
      ...savedBySt({}),
      'tokenizer_config.json': { model_max_length: 128 },
      'sentence_bert_config.json': { max_seq_length: 256 },
    }).maxLength,
    256,
  );
  assert.equal(
    specOf({ ...savedBySt({}), 'sentence_bert_config.json': { max_seq_length: 4096 } }).maxLength,
    512,
    'never past a position table',
  );
  const rotary = { ...BERT, model_type: 'modernbert', max_position_embeddings: 8192 };
  assert.equal(specOf({ 'config.json': rotary }).maxLength, 8192);
  assert.equal(specOf({ 'config.json': { ...rotary, max_position_embeddings: -1 } }).maxLength, 512);
});

test('position tables with an offset hold less than their rows', () => {
  const roberta = { ...BERT, model_type: 'xlm-roberta', max_position_embeddings: 514, pad_token_id: 1 };
  assert.equal(specOf({ 'config.json': roberta }).maxLength, 512);
  assert.equal(specOf({ 'config.json': roberta, 'tokenizer_config.json': { model_max_length: 514 } }).maxLength, 512);
  assert.equal(specOf({ 'config.json': { ...roberta, max_position_embeddings: 8194 } }).maxLength, 8192);
});

test('--max-length lowers the limit and never raises it', () => {
  assert.equal(specOf({}, { maxLength: 64 }).maxLength, 64);
  const raised = specOf({}, { maxLength: 4096 });
  assert.equal(raised.maxLength, 512);
  assert.match(raised.warnings.join(), /--max-length 4096 is above/);
});

test('activation: the three places in order, then by the number of labels', () => {
  const st = savedBySt({ activation_fn: 'torch.nn.modules.activation.Tanh' });
  const config = {
    ...BERT,
    sentence_transformers: { activation_fn: 'torch.nn.modules.linear.Identity' },
    sbert_ce_default_activation_function: 'torch.nn.modules.activation.Softmax',
  };
  assert.equal(specOf({ 'config.json': config, ...st }).activation, 'tanh');
  assert.equal(specOf({ 'config.json': config }).activation, 'identity');
  assert.equal(specOf({ 'config.json': { ...config, sentence_transformers: {} } }).activation, 'softmax');
  assert.equal(specOf({}).activation, 'sigmoid');
  assert.equal(specOf({ 'config.json': { ...BERT, id2label: { 0: 'a', 1: 'b' } } }).activation, 'identity');
  const custom = specOf({ 'config.json': { ...BERT, sentence_transformers: { activation_fn: 'my_module.Custom' } } });
  assert.equal(custom.activation, 'sigmoid');
  assert.match(custom.warnings.join(), /my_module\.Custom/);
});

test('without modules.json the files of sentence-transformers have no effect, and a warning says so', () => {
  const spec = specOf({
    'config_sentence_transformers.json': { activation_fn: 'torch.nn.modules.activation.Tanh', prompts: { a: 'A' } },
    'sentence_bert_config.json': { max_seq_length: 64, do_lower_case: true },
  });
  assert.deepEqual([spec.activation, spec.maxLength, spec.doLowerCase, spec.prompts], ['sigmoid', 512, false, {}]);
  assert.match(
    spec.warnings.join('\n'),
    /^sentence_bert_config\.json is not used.*\n^config_sentence_transformers\.json is not used/m,
  );
});

test('labels keep the order of their numbers', () => {
  const id2label = { 10: 'k', 2: 'c', 0: 'a', 1: 'b' };
  assert.deepEqual(specOf({ 'config.json': { ...BERT, id2label } }).labels, ['a', 'b', 'c', 'k']);
});

test('pad token: by name in the tokenizer’s files, else by the config', () => {
  assert.equal(specOf({ 'config.json': { ...BERT, pad_token_id: 3 } }).padTokenId, 3);
  const tokenizer = { pad_token: { content: '<pad>' }, added_tokens_decoder: { 1: { content: '<pad>' }, 0: { content: '<s>' } } };
  assert.equal(specOf({ 'config.json': { ...BERT, pad_token_id: 3 }, 'tokenizer_config.json': tokenizer }).padTokenId, 1);
});

test('causal models are refused with the way out', () => {
  failsWith(
    { 'config.json': { ...BERT, architectures: ['Qwen3ForCausalLM'] } },
    /causal language model \(Qwen3ForCausalLM\).*convert/,
  );
});

test('a default prompt that does not exist is refused', () => {
  failsWith(savedBySt({ prompts: { a: 'A' }, default_prompt_name: 'b' }), /default_prompt_name 'b'/);
});

test('numbers of the config have bounds, and the error names file, key, value and what is allowed', () => {
  const config = (change: object): Files => ({ 'config.json': { ...BERT, ...change } });
  const bad: readonly (readonly [change: object, pattern: RegExp])[] = [
    [{ hidden_size: 0 }, /^config\.json: hidden_size is 0; a whole number from 1 to 65536 is expected$/],
    [{ hidden_size: '768' }, /hidden_size is "768"/],
    [{ hidden_size: [768] }, /hidden_size is a list of 1/],
    [{ dim: 1e308 }, /dim is 1e\+308/],
    [{ num_hidden_layers: -1 }, /num_hidden_layers is -1/],
    [{ n_heads: 0.5 }, /n_heads is 0\.5/],
    [{ intermediate_size: 2 ** 31 }, /intermediate_size is 2147483648/],
    [{ max_position_embeddings: 0 }, /max_position_embeddings is 0/],
    [
      { max_position_embeddings: 1e8 },
      /max_position_embeddings is 100000000; a whole number from 1 to 16777216 is expected, or none/,
    ],
    [{ num_labels: 1e9, id2label: {} }, /num_labels is 1000000000; a whole number from 1 to 100000/],
    [{ id2label: { a: 'x' } }, /id2label is "a"; its keys are expected to be the numbers/],
    [{ id2label: { 0: {} } }, /id2label\[0\] is an object/],
    [{ id2label: 'x' }, /id2label is "x"/],
    [{ pad_token_id: -2 }, /pad_token_id is -2/],
    [{ pad_token_id: 30, vocab_size: 30 }, /vocab_size is 30; it has no row for the padding token, whose id is 30/],
    [{ model_type: 'x'.repeat(300) }, /model_type is "x{80}\.\.\."/],
    [{ architectures: ['x'.repeat(300)] }, /architectures names "x{80}\.\.\."/],
  ];
  for (const [change, pattern] of bad) failsWith(config(change), pattern);
  failsWith(
    config({ id2label: Object.fromEntries(Array.from({ length: 100_001 }, (_, i) => [i, 'x'])) }),
    /it has 100001 labels/,
  );
  const fine = specOf(config({ hidden_size: null, num_labels: 1, pad_token_id: -1, max_position_embeddings: null }));
  assert.deepEqual([fine.hiddenSize, fine.padTokenId, fine.maxLength], [768, 0, 512]);
});

test('limits of lengths are whole and below any memory, or none', () => {
  for (const limit of [0, -5, 0.5, 1e8, '512'])
    failsWith({ 'tokenizer_config.json': { model_max_length: limit } }, /^tokenizer_config\.json: model_max_length is /);
  failsWith(
    { ...savedBySt({}), 'sentence_bert_config.json': { max_seq_length: 0 } },
    /^sentence_bert_config\.json: max_seq_length is 0/,
  );
});

test('prompts, pair template and known pair have lengths', () => {
  const long = 'x'.repeat(40_000);
  failsWith(savedBySt({ prompts: { a: long } }), /prompts\[a\] is "x{80}\.\.\."; at most 200 characters of a name and 32768/);
  failsWith(savedBySt({ prompts: Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [i, 'x'])) }), /it has 1001 texts/);
  failsWith(savedBySt({ prompts: ['x'] }), /prompts is a list of 1/);
  failsWith({ 'pair_template.json': { prefix: long } }, /^pair_template\.json: prefix is "x{80}/);
  failsWith({ 'pair_template.json': { prefix: 'x'.repeat(5000), suffix: 'x'.repeat(5000) } }, /it has 10000 characters/);
  failsWith({ 'pair_template.json': { prefix: 1 } }, /prefix is 1; a text of at most/);
  failsWith({ 'known-pair.json': '{"query":"a","document":"b","logit":1e999}' }, /the number logit, which is Infinity/);
});

test('JSON that is too deep, too large or of the wrong kind', () => {
  const deep = (levels: number): string => `{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`;
  failsWith({ 'tokenizer_config.json': deep(100_000) }, /nested more than 64 levels deep/);
  assert.equal(specOf({ 'tokenizer_config.json': deep(60) }).maxLength, 512);
  failsWith({ 'special_tokens_map.json': ' '.repeat(17 * 2 ** 20) }, /it has 17825792 bytes, and at most 16777216 are read/);
  failsWith({ 'modules.json': [null] }, /modules\.json of the model is broken: not a list of at most 100 objects/);
});

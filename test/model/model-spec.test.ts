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
  assert.match(specOf(files).onnxFile, /[^x]\/model\.onnx$/);
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

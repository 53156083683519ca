// From a name to a directory against the stand-in hub: what is fetched, what is asked, what is used from the cache, what each failure says.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { RerankError } from '../../../src/errors.ts';
import { loadModelSpec } from '../../../src/model/model-spec.ts';
import { oracleModel } from '../../helpers/oracle.ts';
import { filesOf, GOOD_TOKEN } from '../../helpers/stand-in-hub.ts';
import { ID, kinds, listing, setUp } from './support.ts';

const BERT = filesOf(oracleModel('bert'));
const PLAIN = { id: null, onnxFile: null, maxLength: null, pairTemplate: null };

test('the first time the needed files are fetched, and only those; the layout is that of huggingface_hub', async (t) => {
  const { hub, cache, resolve, events } = await setUp(t, {
    ...BERT,
    'pytorch_model.bin': 'big',
    'README.md': '#',
    'vocab.txt': 'a',
  });
  const { directory, onnxFile } = await resolve();
  assert.equal(onnxFile, 'model.onnx');
  const commit = basename(directory);
  assert.equal(directory, join(cache, 'models--oracle--bert', 'snapshots', commit));
  for (const [name, content] of Object.entries(BERT)) assert.deepEqual(readFileSync(join(directory, name)), content, name);
  assert.ok(!existsSync(join(directory, 'pytorch_model.bin')) && !existsSync(join(directory, 'vocab.txt')));
  const repo = join(cache, 'models--oracle--bert');
  assert.equal(readFileSync(join(repo, 'refs/main'), 'utf8'), commit);
  const files = listing(repo).filter((line) => !line.startsWith('.no_exist'));
  assert.ok(
    files.every((line) =>
      /^(blobs\/([0-9a-f]{40}|[0-9a-f]{64})$|refs\/main$|snapshots\/[0-9a-f]{40}\/\S+ -> \.\.\/\.\.\/blobs\/[0-9a-f]+$)/.test(
        line,
      ),
    ),
    files.join('\n'),
  );
  assert.ok(listing(repo).includes(`.no_exist/${commit}/modules.json`));
  assert.equal(loadModelSpec(directory, PLAIN).id, ID);
  assert.equal(loadModelSpec(directory, PLAIN).revision, commit);
  assert.deepEqual(kinds(events), ['downloading', 'downloaded']);
  const progress = events.findLast((event) => event.kind === 'progress')!;
  assert.equal(progress.doneBytes, progress.totalBytes);
  assert.ok(
    hub.log().some((line) => line.startsWith('files GET ')),
    'the weights came from the second host',
  );
});

test('a complete model costs one question, a complete commit and offline cost none', async (t) => {
  const { hub, resolve, events } = await setUp(t);
  const { directory } = await resolve();
  hub.seen.length = 0;
  events.length = 0;
  assert.equal((await resolve()).directory, directory);
  assert.deepEqual(hub.log(), [`hub GET /api/models/${ID}/revision/main`]);
  hub.seen.length = 0;
  assert.equal((await resolve({ revision: basename(directory) })).directory, directory);
  assert.equal((await resolve({}, { offline: true })).directory, directory);
  assert.deepEqual([hub.seen, events], [[], []]);
});

test('a branch that moved is followed, and shares the blobs that did not change', async (t) => {
  const { hub, cache, resolve } = await setUp(t);
  const first = await resolve();
  hub.add(ID, { ...BERT, 'config.json': `${BERT['config.json']} ` });
  hub.seen.length = 0;
  const second = await resolve();
  assert.notEqual(second.directory, first.directory);
  assert.deepEqual(
    hub.log().filter((line) => line.startsWith('files ')),
    [],
    'the weights are the same blob',
  );
  assert.equal(readFileSync(join(cache, 'models--oracle--bert/refs/main'), 'utf8'), basename(second.directory));
  assert.ok(existsSync(join(first.directory, 'model.onnx')));
});

test('revisions: branches, tags, refs with slashes, commits', async (t) => {
  const { hub, cache, resolve } = await setUp(t);
  const commit = hub.add(ID, { ...BERT, 'config.json': `${BERT['config.json']}\n` }, 'refs/pr/1');
  assert.equal(basename((await resolve({ revision: 'refs/pr/1' })).directory), commit);
  assert.equal(readFileSync(join(cache, 'models--oracle--bert/refs/refs/pr/1'), 'utf8'), commit);
  assert.equal(basename((await resolve({ revision: commit })).directory), commit);
  await assert.rejects(resolve({ revision: 'v9' }), { code: 'model_files', message: new RegExp(`^${ID} has no revision 'v9'`) });
});

test('external data is found in the graph and fetched; data the repository lacks is told', async (t) => {
  const files = filesOf(oracleModel('external-data'));
  const { hub, resolve } = await setUp(t, { ...files, 'model_quantized.onnx_data': 'not needed' });
  const { directory } = await resolve();
  assert.deepEqual(readFileSync(join(directory, 'model.onnx_data')), files['model.onnx_data']);
  assert.ok(!existsSync(join(directory, 'model_quantized.onnx_data')));
  const { 'model.onnx_data': _, ...lacking } = files;
  hub.add('oracle/lacking', lacking);
  await assert.rejects(
    resolve({ model: 'oracle/lacking' }),
    /keeps weights in model\.onnx_data, which the repository does not have/,
  );
});

test('a sentence-transformers repository: its own files, the transformer in a folder', async (t) => {
  const { 'config.json': config, 'tokenizer.json': tokenizer, 'model.onnx': onnx } = BERT;
  const inFolder = {
    '0_Transformer/config.json': config!,
    '0_Transformer/tokenizer.json': tokenizer!,
    '0_Transformer/onnx/model.onnx': onnx!,
  };
  const modules = JSON.stringify([
    { idx: 0, name: '0', path: '0_Transformer', type: 'sentence_transformers.models.Transformer' },
  ]);
  const { resolve } = await setUp(t, {
    ...inFolder,
    'modules.json': modules,
    'config_sentence_transformers.json': '{"model_type":"CrossEncoder"}',
  });
  const { directory, onnxFile } = await resolve();
  assert.equal(onnxFile, '0_Transformer/onnx/model.onnx');
  assert.ok(existsSync(join(directory, 'config_sentence_transformers.json')));
  assert.equal(loadModelSpec(directory, { ...PLAIN, onnxFile }).onnxFile, join(directory, '0_Transformer/onnx/model.onnx'));
  assert.equal((await resolve({}, { offline: true })).onnxFile, onnxFile);
});

test('several ONNX files: the choice is told, another is taken when named, a quantised one never unnamed', async (t) => {
  const onnx = BERT['model.onnx']!;
  const several = { ...BERT, 'onnx/model.onnx': onnx, 'onnx/model_quantized.onnx': Buffer.concat([onnx, Buffer.of(0x7a, 0)]) };
  const { hub, resolve, events } = await setUp(t, several);
  assert.equal((await resolve()).onnxFile, 'model.onnx');
  assert.deepEqual(
    events.find((event) => event.kind === 'chosen'),
    {
      kind: 'chosen',
      onnxFile: 'model.onnx',
      others: ['onnx/model.onnx', 'onnx/model_quantized.onnx'],
    },
  );
  assert.equal((await resolve({ onnxFile: './onnx/model_quantized.onnx' })).onnxFile, 'onnx/model_quantized.onnx');
  await assert.rejects(
    resolve({ onnxFile: 'onnx/model_q4.onnx' }),
    /has no file onnx\/model_q4\.onnx; its ONNX files: model\.onnx, onnx\/model\.onnx, /,
  );
  const { 'model.onnx': _, ...rest } = BERT;
  hub.add('oracle/quantised', { ...rest, 'onnx/model_quantized.onnx': onnx });
  await assert.rejects(
    resolve({ model: 'oracle/quantised' }),
    /has neither model\.onnx nor onnx\/model\.onnx; its ONNX files: onnx\/model_quantized\.onnx\. Name one with --onnx-file/,
  );
});

test('a model without ONNX file: how to export it, and conversions to look for', async (t) => {
  const { hub, resolve } = await setUp(t);
  hub.add('oracle/torch-only', { 'config.json': '{}', 'tokenizer.json': '{}', 'model.safetensors': 'x' });
  await assert.rejects(resolve({ model: 'oracle/torch-only' }), ({ message }: Error) => {
    assert.match(message, /optimum-cli export onnx --model oracle\/torch-only --task text-classification torch-only-onnx\n/);
    assert.match(message, /Xenova\/torch-only or onnx-community\/torch-only-ONNX/);
    return true;
  });
  hub.add('oracle/no-tokenizer', { 'config.json': '{}', 'model.onnx': 'x' });
  await assert.rejects(resolve({ model: 'oracle/no-tokenizer' }), /has no tokenizer\.json, without which it cannot be loaded/);
});

test('gated, private and missing models, with and without a token, each in its words', async (t) => {
  const { hub, resolve } = await setUp(t);
  hub.add('oracle/gated', BERT, 'main', { gated: true });
  hub.add('oracle/private', BERT, 'main', { private: true });
  const cases: readonly (readonly [model: string, token: string | null, message: RegExp])[] = [
    [
      'oracle/gated',
      null,
      /^oracle\/gated is gated: ask for access at http:\/\/127\.0\.0\.1:\d+\/oracle\/gated, then give a token/,
    ],
    ['oracle/private', null, /has no model oracle\/private, or it is private and needs a token \(HF_TOKEN/],
    ['oracle/nothing', null, /has no model oracle\/nothing, or it is private and needs a token/],
    ['oracle/nothing', GOOD_TOKEN, /has no model oracle\/nothing, or it is private and the token does not open it/],
    [ID, 'hf_bad', /refuses the token \(HF_TOKEN, --hf-token, or the file written by `hf auth login`\)/],
  ];
  for (const [model, token, message] of cases)
    await assert.rejects(resolve({ model }, { token }), { code: 'model_files', message });
  hub.faults.push({ match: /revision/, kind: 'status', status: 403, headers: { 'x-error-message': 'your plan has no access' } });
  await assert.rejects(resolve(), /refuses access to oracle\/bert: your plan has no access$/);
  for (const model of ['oracle/gated', 'oracle/private']) assert.ok((await resolve({ model }, { token: GOOD_TOKEN })).directory);
});

test('the token goes to the hub and to no other host; the user agent says who asks', async (t) => {
  const { hub, resolve } = await setUp(t);
  await resolve({}, { token: GOOD_TOKEN });
  const tokens = (host: string) =>
    new Set(hub.seen.filter((each) => each.host === host).map(({ headers }) => headers.authorization));
  assert.deepEqual(tokens('hub'), new Set([`Bearer ${GOOD_TOKEN}`]));
  assert.deepEqual(tokens('files'), new Set([undefined]));
  assert.ok(hub.seen.every(({ headers }) => headers['user-agent'] === 'crossrank/test'));
});

test('offline: what is missing, and the command that fetches it; not one request', async (t) => {
  const { hub, cache, resolve, events } = await setUp(t);
  const offline = { offline: true };
  await assert.rejects(resolve({ revision: 'v1', onnxFile: 'onnx/model.onnx' }, offline), {
    code: 'model_files',
    message: `${ID} at 'v1' is not in the cache (${cache}), and offline mode forbids to fetch it; with a network: crossrank pull ${ID} --revision v1 --onnx-file onnx/model.onnx`,
  });
  assert.deepEqual(hub.seen, []);
  const { directory } = await resolve();
  rmSync(join(directory, 'tokenizer.json'));
  await assert.rejects(resolve({}, offline), /it lacks tokenizer\.json .* crossrank pull oracle\/bert$/);
  await resolve();
  hub.seen.length = 0;
  events.length = 0;
  rmSync(join(cache, 'models--oracle--bert/.no_exist'), { recursive: true });
  await resolve({}, offline);
  assert.deepEqual(kinds(events), ['uncertain'], 'a cache written by others may lack files nobody asked for');
  assert.deepEqual(hub.seen, []);
});

test('a hub that cannot be asked: the cached model serves, with a warning; without one the message names endpoint and proxy', async (t) => {
  const { hub, cache, settings, resolve, events } = await setUp(t);
  const { directory } = await resolve();
  events.length = 0;
  hub.faults.push({ match: /revision/, kind: 'status', status: 503, times: 99 });
  assert.equal((await resolve()).directory, directory);
  assert.deepEqual(kinds(events), ['cached']);
  await hub.stop();
  assert.equal((await resolve()).directory, directory);
  rmSync(cache, { recursive: true });
  const refused = { code: 'model_files', message: new RegExp(`^cannot reach the hub at ${settings.endpoint}: .*ECONNREFUSED`) };
  await assert.rejects(resolve(), refused);
  assert.equal(kinds(events).filter((kind) => kind === 'retry').length, 3, 'three more attempts');
  const proxies = { http: 'http://user:secret@127.0.0.1:9', https: '', none: 'internal.example' };
  await assert.rejects(resolve({}, { proxies }), ({ message }: Error) => {
    assert.match(message, /through the proxy 127\.0\.0\.1:9 \(NO_PROXY=internal\.example\): /);
    assert.doesNotMatch(message, /secret/);
    return true;
  });
});

test('what is no hub is told so', async (t) => {
  const { hub, resolve } = await setUp(t);
  hub.faults.push({ match: /revision/, kind: 'html' });
  await assert.rejects(resolve(), new RegExp(`${hub.endpoint} does not answer as a Hugging Face hub`));
});

test('a directory always wins, and asks nobody', async (t) => {
  const { hub, cache, resolve } = await setUp(t);
  mkdirSync(join(cache, 'oracle/bert'), { recursive: true });
  const before = process.cwd();
  process.chdir(cache);
  t.after(() => process.chdir(before));
  assert.deepEqual(await resolve({ onnxFile: 'x.onnx' }), { directory: ID, onnxFile: 'x.onnx' });
  for (const path of ['./a', '../a', '/a/b', 'a/b/c', 'a/', '~/a', 'C:\\a', '.']) {
    assert.equal((await resolve({ model: path, settings: () => assert.fail('not asked for') })).directory, path);
  }
  assert.deepEqual(hub.seen, []);
});

test('short names get cross-encoder/, as in sentence-transformers', async (t) => {
  const { hub, resolve } = await setUp(t);
  hub.add('cross-encoder/ms-marco-Tiny', BERT);
  assert.match((await resolve({ model: 'ms-marco-Tiny' })).directory, /models--cross-encoder--ms-marco-Tiny/);
  hub.add('bert-base-uncased', BERT);
  assert.match((await resolve({ model: 'bert-base-uncased' })).directory, /models--bert-base-uncased\/snapshots/);
});

test('names that would leave the cache are refused, whoever gives them', async (t) => {
  const { hub, cache, resolve } = await setUp(t);
  for (const model of [
    'a..b/c',
    'a--b/c',
    'a/b--c',
    'org/na me',
    'org/.hidden',
    '-x/y',
    'org/x.git',
    `org/${'x'.repeat(97)}`,
    'a%2fb/c',
    '模型',
  ]) {
    await assert.rejects(resolve({ model }), (error) => error instanceof RerankError || assert.fail(model), model);
  }
  for (const revision of ['..', '../x', 'a/../b', '/a', 'a//b', 'a\\b', '-x', 'a\0', 'refs/heads/x.lock', '', 'a/'])
    await assert.rejects(
      resolve({ revision }),
      { code: 'config', message: /is not the name of a branch, a tag or a commit/ },
      revision,
    );
  for (const onnxFile of ['../x.onnx', '/x.onnx', 'a/../../x.onnx', 'C:/x.onnx', 'a\\b.onnx'])
    await assert.rejects(resolve({ onnxFile }), { code: 'config', message: /must be a path inside its repository/ }, onnxFile);
  assert.deepEqual(hub.seen, []);
  for (const path of ['../evil', '/etc/evil', 'a/../../evil', 'a\\..\\evil', 'a//evil', 'C:evil', 'x\0']) {
    hub.add('oracle/evil', { ...BERT, [path]: 'x' });
    await assert.rejects(resolve({ model: 'oracle/evil' }), /which would leave the cache; nothing is downloaded/, path);
  }
  assert.ok(!existsSync(join(cache, 'models--oracle--evil/blobs')));
  assert.ok(listing(cache).every((line) => line.startsWith('models--')));
});

test('a cache that Python wrote is completed: what is there is kept, what is missing is fetched', async (t) => {
  const { hub, cache, resolve } = await setUp(t);
  const { directory } = await resolve();
  const copy = join(cache, 'python');
  const commit = basename(directory);
  mkdirSync(join(copy, 'models--oracle--bert/snapshots', commit), { recursive: true });
  mkdirSync(join(copy, 'models--oracle--bert/blobs'));
  const blob = 'a'.repeat(40);
  writeFileSync(join(copy, 'models--oracle--bert/blobs', blob), BERT['config.json']!);
  symlinkSync(`../../blobs/${blob}`, join(copy, 'models--oracle--bert/snapshots', commit, 'config.json'));
  hub.seen.length = 0;
  const completed = await resolve({ revision: commit }, { cacheDirectory: copy });
  assert.deepEqual(readFileSync(join(completed.directory, 'model.onnx')), BERT['model.onnx']);
  assert.equal((await resolve({ revision: commit }, { cacheDirectory: copy, offline: true })).directory, completed.directory);
});

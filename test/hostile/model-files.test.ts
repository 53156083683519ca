// Files of a model that once hung a server, filled its memory, or changed its scores: each start ends with a clear error, or mends its copy.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  cpSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readOnnxModel, writeOnnxModel } from '../../src/model/onnx/onnx-model.ts';
import { Crossrank, type Finished } from '../e2e/process.ts';
import { oracleModel } from '../helpers/oracle.ts';
import { filesOf, StandInHub } from '../helpers/stand-in-hub.ts';
import { ServerUnderAttack } from './server-under-attack.ts';

/** Exit codes of a model that cannot be loaded. */
const SERVE_FAILED = 1;
const MODEL_UNLOADABLE = 3;

const ON_POSIX = { skip: process.platform === 'win32' && 'no pipes and devices as files', timeout: 60_000 };

type Json = Record<string, unknown>;

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'crossrank-files-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A small model, changed. */
function model(t: TestContext, change: (directory: string) => void = () => {}, family = 'bert'): string {
  const directory = join(temporary(t), 'model');
  cpSync(oracleModel(family), directory, { recursive: true });
  change(directory);
  return directory;
}

function changeJson(directory: string, name: string, change: (value: Json) => Json): void {
  const path = join(directory, name);
  writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, 'utf8')) as Json)));
}

function serve(t: TestContext, directory: string, flags: readonly string[] = []): Crossrank {
  const environment = { CROSSRANK_CACHE_DIR: temporary(t) };
  return new Crossrank(t, ['serve', '--model-id', directory, '--port', '0', '--workers', '1', ...flags], { environment });
}

function assertRefused({ code, signal, stderr }: Finished, message: RegExp, expected = SERVE_FAILED): void {
  assert.match(stderr, message);
  assert.deepEqual([code, signal], [expected, null], stderr);
  assert.ok(stderr.length < 5000, `${stderr.length} characters of error`);
}

const CONFIG_CASES: Readonly<Record<string, readonly [change: Json, message: RegExp]>> = {
  'hidden_size 0': [{ hidden_size: 0 }, /hidden_size is 0; a whole number from 1 to 65536/],
  'a billion labels': [{ id2label: {}, num_labels: 1e9 }, /num_labels is 1000000000; a whole number from 1 to 100000/],
  'no attention heads': [{ num_attention_heads: 0.5 }, /num_attention_heads is 0\.5/],
  'a position table without end': [{ max_position_embeddings: 2 ** 25 }, /max_position_embeddings is 33554432/],
  'a padding token without a row': [{ pad_token_id: 1e6 }, /pad_token_id|no row for the padding token/],
};

for (const [name, [change, message]] of Object.entries(CONFIG_CASES)) {
  test(`config.json: ${name}`, { timeout: 60_000 }, async (t) => {
    const changed = model(t, (directory) => {
      changeJson(directory, 'config.json', (config) => ({ ...config, ...change }));
      if ('pad_token_id' in change) changeJson(directory, 'tokenizer_config.json', () => ({}));
      if ('pad_token_id' in change) rmSync(join(directory, 'special_tokens_map.json'));
    });
    assertRefused(await serve(t, changed).finished, message);
    assertRefused(await new Crossrank(t, ['info', changed]).finished, message, MODEL_UNLOADABLE);
  });
}

test('pieces of no characters', { timeout: 60_000 }, async (t) => {
  const changed = model(t, (directory) =>
    changeJson(directory, 'tokenizer.json', (root) => ({ ...root, pre_tokenizer: { type: 'FixedLength', length: 0 } })),
  );
  assertRefused(await serve(t, changed).finished, /pre_tokenizer\.length: a whole number from 1 to/);
});

for (const prepared of ['on', 'off']) {
  test(`a model whose scores are all NaN, --prepared ${prepared}`, { timeout: 60_000 }, async (t) => {
    const changed = model(t);
    await fillWeights(changed, Number.NaN);
    const server = serve(t, changed, ['--prepared', prepared]);
    assertRefused(await server.finished, /model gives NaN in place of a score/);
    assert.deepEqual(server.logLines('ready'), []);
  });
}

test('NaN among weights that are to become int8', { timeout: 60_000 }, async (t) => {
  const changed = model(t);
  await fillWeights(changed, Number.NaN);
  assertRefused(
    await serve(t, changed, ['--dtype', 'int8']).finished,
    /the weights '[^']*' are not all finite|in place of a score/,
  );
});

test('a model that answers everything alike', { timeout: 60_000 }, async (t) => {
  const changed = model(t);
  await fillWeights(changed, 0);
  assertRefused(await serve(t, changed).finished, /for every pair, whatever it says/);
});

test('a pipe in place of config.json, of tokenizer.json and of the weights', ON_POSIX, async (t) => {
  for (const name of ['config.json', 'tokenizer.json', 'model.onnx']) {
    const changed = model(t, (directory) => {
      rmSync(join(directory, name));
      execFileSync('mkfifo', [join(directory, name)]);
    });
    assertRefused(await serve(t, changed).finished, new RegExp(`${name}: it is a pipe, not a file`));
  }
});

test('weights that are a link to a device without end', ON_POSIX, async (t) => {
  for (const [family, name] of [
    ['external-data', 'model.onnx_data'],
    ['bert', 'model.onnx'],
  ] as const) {
    for (const prepared of ['on', 'off']) {
      const changed = model(
        t,
        (directory) => {
          rmSync(join(directory, name));
          symlinkSync('/dev/zero', join(directory, name));
        },
        family,
      );
      assertRefused(
        await serve(t, changed, ['--prepared', prepared]).finished,
        new RegExp(`${name}: it is a device, not a file`),
      );
    }
  }
});

test('a packed copy with noise at 35 % is made again, and the scores are those of before', { timeout: 120_000 }, async (t) => {
  const cache = temporary(t);
  const environment = { CROSSRANK_CACHE_DIR: cache };
  const scores = async (): Promise<{ answer: string; server: ServerUnderAttack }> => {
    const server = await ServerUnderAttack.start(t, [], { environment });
    const { text } = await server.post('/rank', { query: 'what is a panda', documents: ['a bear', 'paris', 'bamboo eater'] });
    server.process.child.kill('SIGTERM');
    await server.process.finished;
    return { answer: JSON.stringify((JSON.parse(text) as { results: unknown }).results), server };
  };
  const before = await scores();
  const copies = join(cache, 'prepared');
  const data = join(copies, readdirSync(copies)[0]!, 'model.onnx.data');
  const { length } = readFileSync(data);
  const noise = Buffer.alloc(Math.min(2 ** 20, Math.floor(length / 4)), 0x3e);
  const file = openSync(data, 'r+');
  writeSync(file, noise, 0, noise.length, Math.floor(length * 0.35));
  closeSync(file);
  const after = await scores();
  assert.equal(after.answer, before.answer);
  const [warning] = after.server.process.logLines('a prepared copy is unusable and is removed');
  assert.match(String(warning?.reason), /model\.onnx\.data: not the bytes that were written/);
  assert.deepEqual((await scores()).server.process.logLines('a prepared copy is unusable and is removed'), []);
});

for (const kind of ['endless-pages', 'flood'] as const) {
  test(`a hub whose listing has no end: ${kind}`, { timeout: 60_000 }, async (t) => {
    const hub = await StandInHub.start();
    t.after(() => hub.stop());
    hub.add('oracle/bert', filesOf(oracleModel('bert')));
    hub.faults.push({ match: /^hub \S*\/tree\//, kind, times: Number.POSITIVE_INFINITY });
    const home = temporary(t);
    const environment = { HF_HOME: home, HF_ENDPOINT: hub.endpoint, CROSSRANK_CACHE_DIR: join(home, 'crossrank') };
    const server = new Crossrank(t, ['serve', '--model-id', 'oracle/bert', '--port', '0'], { environment });
    assertRefused(await server.finished, /no repository of a model is that large/);
  });
}

/** Every float weight of the last layer and its bias: logits are then this value. */
async function fillWeights(directory: string, value: number): Promise<void> {
  const path = join(directory, 'model.onnx');
  const read = readOnnxModel(path);
  for (const tensor of read.graph.initializer) {
    if (!tensor.name.startsWith('classifier.')) continue;
    const count = tensor.dims.reduce((product, dim) => product * Number(dim), 1);
    tensor.rawData = new Uint8Array(new Float32Array(count).fill(value).buffer);
    read.sources.delete(tensor);
  }
  const changed = join(directory, 'changed.onnx');
  await writeOnnxModel(read, changed);
  rmSync(path);
  cpSync(changed, path);
}

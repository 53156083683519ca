// Prepared copies on disk: found by their facts, published whole, the winner's when two write, evicted when old.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { type CopyFacts, copyKey } from '../../../src/model/prepared/copy-key.ts';
import { CopyStore, damagedFiles, type PreparedCopy } from '../../../src/model/prepared/copy-store.ts';

const FACTS: CopyFacts = {
  format: 1,
  source: ['a'.repeat(64)],
  runtime: '1.30.0',
  cpu: { arch: 'x64', flags: ['avx2'], hasInt8Dot: false },
  dtype: 'float32',
  packed: true,
};
const CHECK = { ids: [1, 2], typeIds: [0, 0], logits: [0.5] };
const SOURCE = '/models/m/model.onnx';
const DAYS_31_AGO = new Date(Date.now() - 31 * 86_400_000);

let directory: string;
let store: CopyStore;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'crossrank-copies-'));
  store = new CopyStore(join(directory, 'prepared'));
});
afterEach(() => rmSync(directory, { recursive: true }));

async function written(text = 'weights'): Promise<string> {
  const place = await store.begin();
  writeFileSync(join(place, 'model.onnx'), 'graph');
  writeFileSync(join(place, 'model.onnx.data'), text);
  return place;
}

async function publish(facts: CopyFacts = FACTS, text?: string, source = SOURCE): Promise<PreparedCopy> {
  const place = await written(text);
  return store.publish(place, { model: 'org/some model', source, facts, onnxFile: 'model.onnx', check: CHECK });
}

test('a published copy is found by its facts, and by no others', async () => {
  assert.equal(await store.find('org/some model', FACTS), null);
  const copy = await publish();
  assert.equal((await store.find('org/some model', FACTS))?.directory, copy.directory);
  assert.match(copy.directory, /some-model-float32-[0-9a-f]{32}$/);
  const others: Partial<CopyFacts>[] = [
    { format: 2 },
    { source: ['b'.repeat(64)] },
    { runtime: '1.31.0' },
    { cpu: { ...FACTS.cpu, flags: ['avx2', 'avx512f'] } },
    { cpu: { ...FACTS.cpu, arch: 'arm64' } },
    { dtype: 'int8' },
    { packed: false },
  ];
  const keys = new Set([copyKey(FACTS), ...others.map((other) => copyKey({ ...FACTS, ...other }))]);
  assert.equal(keys.size, others.length + 1);
  for (const other of others) assert.equal(await store.find('org/some model', { ...FACTS, ...other }), null);
});

test('the one that comes second takes the winner’s copy and leaves nothing behind', async () => {
  const [first, second] = [await written('one'), await written('two')];
  const manifest = { model: 'm', source: SOURCE, facts: FACTS, onnxFile: 'model.onnx', check: CHECK };
  const winner = await store.publish(first, manifest);
  const loser = await store.publish(second, manifest);
  assert.equal(loser.directory, winner.directory);
  assert.deepEqual(loser.manifest.files, winner.manifest.files);
  assert.deepEqual(await damagedFiles(loser), []);
  assert.equal(readdirSync(store.directory).length, 1);
});

test('a copy of wrong sizes or without a manifest is not found, and a whole one replaces it', async () => {
  const copy = await publish();
  truncateSync(join(copy.directory, 'model.onnx.data'), 3);
  assert.equal(await store.find('org/some model', FACTS), null);
  await publish();
  assert.notEqual(await store.find('org/some model', FACTS), null);
  writeFileSync(join(copy.directory, 'manifest.json'), '{"key":');
  assert.equal(await store.find('org/some model', FACTS), null);
});

test('a changed byte is seen by its digest', async () => {
  const copy = await publish();
  assert.deepEqual(await store.damaged(copy), []);
  writeFileSync(join(copy.directory, 'model.onnx.data'), 'wEights');
  assert.notEqual(await store.find('org/some model', FACTS), null);
  assert.deepEqual(await store.damaged(copy), ['model.onnx.data']);
  assert.deepEqual(await damagedFiles(copy), ['model.onnx.data']);
});

test('a manifest that names files elsewhere is none', async () => {
  const copy = await publish();
  const manifest = { ...copy.manifest, onnxFile: '../model.onnx', files: [{ path: '../model.onnx', bytes: 1, sha256: '' }] };
  writeFileSync(join(copy.directory, 'manifest.json'), JSON.stringify(manifest));
  assert.deepEqual(await store.list(), []);
});

test('old states of the model and of the runtime are evicted, other machines, dtypes and models stay', async () => {
  const outdated = [await publish({ ...FACTS, runtime: '1.29.0' }), await publish({ ...FACTS, source: ['c'.repeat(64)] })];
  const kept = [
    await publish({ ...FACTS, cpu: { ...FACTS.cpu, flags: [] } }),
    await publish({ ...FACTS, dtype: 'int8' }),
    await publish({ ...FACTS, runtime: '1.29.0', dtype: 'int8' }, 'x', '/models/other/model.onnx'),
    await publish(),
  ];
  const removed = await store.evict(SOURCE, FACTS);
  assert.deepEqual(removed.sort(), outdated.map((copy) => copy.directory).sort());
  for (const copy of kept) assert.ok(existsSync(copy.directory));
});

test('copies nobody used for a month go, and what dead processes left goes after an hour', async () => {
  const unused = await publish({ ...FACTS, dtype: 'int8' });
  utimesSync(join(unused.directory, 'manifest.json'), DAYS_31_AGO, DAYS_31_AGO);
  const [abandoned, inProgress] = [await written(), await written()];
  for (const name of ['model.onnx', 'model.onnx.data', '']) utimesSync(join(abandoned, name), DAYS_31_AGO, DAYS_31_AGO);
  assert.deepEqual(await store.evict(SOURCE, FACTS), [unused.directory]);
  assert.equal(existsSync(abandoned), false);
  assert.equal(existsSync(inProgress), true);
});

test('finding a copy counts as using it', async () => {
  const copy = await publish();
  utimesSync(join(copy.directory, 'manifest.json'), DAYS_31_AGO, DAYS_31_AGO);
  await store.find('org/some model', FACTS);
  assert.deepEqual(await store.evict('/models/another/model.onnx', { ...FACTS, source: [] }), []);
});

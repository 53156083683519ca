// Transfers that go wrong: cut, damaged, stalled, refused for a while, cancelled, killed, doubled, without room.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { HubEvent } from '../../../src/model/hub/hub-settings.ts';
import { PartialFile } from '../../../src/model/hub/partial-file.ts';
import { oracleModel } from '../../helpers/oracle.ts';
import { repoRoot } from '../../helpers/paths.ts';
import { filesOf } from '../../helpers/stand-in-hub.ts';
import { ID, kinds, listing, type Setting, setUp } from './support.ts';

const BERT = filesOf(oracleModel('bert'));
const WEIGHTS = BERT['model.onnx']!;
const FILES = /^files /;

function blobsOf({ cache }: Pick<Setting, 'cache'>): string {
  return join(cache, 'models--oracle--bert/blobs');
}

function partials(setting: Pick<Setting, 'cache'>): string[] {
  return existsSync(blobsOf(setting)) ? readdirSync(blobsOf(setting)).filter((name) => name.endsWith('.incomplete')) : [];
}

function ranges({ hub }: Setting): (string | undefined)[] {
  return hub.seen.filter(({ host }) => host === 'files').map(({ headers }) => headers.range);
}

async function assertWhole(setting: Setting): Promise<void> {
  const { directory } = await setting.resolve();
  assert.deepEqual(readFileSync(join(directory, 'model.onnx')), WEIGHTS);
  assert.deepEqual(partials(setting), []);
}

test('a cut transfer goes on where it was, as often as bytes come', async (t) => {
  const setting = await setUp(t);
  for (let cut = 0; cut < 8; cut += 1) setting.hub.faults.push({ match: FILES, kind: 'cut', after: 1000 });
  await assertWhole(setting);
  assert.deepEqual(ranges(setting), [undefined, ...[1, 2, 3, 4, 5, 6, 7, 8].map((cut) => `bytes=${cut * 1000}-`)]);
});

test('a transfer that brings no byte is given up after some attempts; the next start resumes it', async (t) => {
  const setting = await setUp(t);
  setting.hub.faults.push({ match: FILES, kind: 'cut', after: 5000 }, { match: FILES, kind: 'reset', times: 99 });
  await assert.rejects(setting.resolve(), {
    code: 'model_files',
    message: /^cannot reach http:\/\/127\.0\.0\.1:\d+, where http:\S+ keeps the file: /,
  });
  assert.deepEqual(
    partials(setting).map((name) => statSync(join(blobsOf(setting), name)).size),
    [5000],
  );
  const [commit] = readdirSync(join(setting.cache, 'models--oracle--bert/snapshots'));
  const offline = { offline: true };
  await assert.rejects(
    setting.resolve({ revision: commit! }, offline),
    /it lacks model\.onnx or onnx\/model\.onnx/,
    'no half file is ever loaded',
  );
  await assert.rejects(setting.resolve({}, offline), /is not in the cache/, 'the branch is written last');
  setting.hub.faults.length = 0;
  await assertWhole(setting);
  assert.equal(ranges(setting).at(-1), 'bytes=5000-');
  assert.deepEqual(
    setting.events.find(({ kind }) => kind === 'resumed'),
    { kind: 'resumed', file: 'model.onnx', bytes: 5000 },
  );
});

test('a damaged transfer is fetched once more, then told', async (t) => {
  const setting = await setUp(t);
  setting.hub.faults.push({ match: FILES, kind: 'corrupt' });
  await assertWhole(setting);
  assert.deepEqual(
    kinds(setting.events).filter((kind) => kind === 'retry'),
    ['retry'],
  );
  rmSync(setting.cache, { recursive: true });
  setting.hub.faults.push({ match: FILES, kind: 'corrupt', times: 2 });
  await assert.rejects(setting.resolve(), {
    code: 'model_files',
    message: /model\.onnx came 2 times with other bytes than the hub announced \(sha256 /,
  });
  assert.ok(!listing(setting.cache).some((line) => line.includes('model.onnx')), 'nothing leads to it');
});

test('small files are checked by their git digest', async (t) => {
  const setting = await setUp(t);
  setting.hub.faults.push({ match: /resolve-cache.*config\.json/, kind: 'corrupt', times: 2 });
  await assert.rejects(setting.resolve(), /config\.json came 2 times with other bytes .* \(git /);
});

test('a transfer that stands still is noticed and resumed', async (t) => {
  const setting = await setUp(t);
  setting.hub.faults.push({ match: FILES, kind: 'stall', after: 2000 });
  await assertWhole(setting);
  assert.deepEqual(ranges(setting), [undefined, 'bytes=2000-']);
  assert.match((setting.events.find(({ kind }) => kind === 'retry') as { reason: string }).reason, /no byte came for too long/);
});

test('a hub that is busy is asked again, no sooner than it says', async (t) => {
  const setting = await setUp(t);
  const { hub } = setting;
  hub.faults.push({ match: /revision/, kind: 'status', status: 429, headers: { 'retry-after': '1' } });
  hub.faults.push(
    { match: /tree/, kind: 'status', status: 503 },
    { match: /tree/, kind: 'reset' },
    { match: FILES, kind: 'status', status: 503 },
  );
  const startedMs = performance.now();
  await assertWhole(setting);
  assert.ok(performance.now() - startedMs >= 1000);
  const waits = setting.events.filter((event) => event.kind === 'retry').map(({ waitMs }) => waitMs);
  assert.equal(waits.length, 4);
  assert.ok(waits[0]! >= 1000 && waits.slice(1).every((wait) => wait < 100), waits.join());
  rmSync(setting.cache, { recursive: true });
  hub.faults.push({ match: /revision/, kind: 'status', status: 429, headers: { ratelimit: '"api";r=0;t=3600' } });
  await assert.rejects(setting.resolve(), /asks for fewer requests \(429\); it says to come back in 3600 s/);
});

test('a server without ranges, and one that has another file, begin anew', async (t) => {
  const setting = await setUp(t);
  setting.hub.faults.push({ match: FILES, kind: 'cut', after: 3000 }, { match: FILES, kind: 'whole' });
  await assertWhole(setting);
  rmSync(setting.cache, { recursive: true });
  setting.hub.faults.push({ match: FILES, kind: 'cut', after: 3000 }, { match: FILES, kind: 'status', status: 416 });
  await assertWhole(setting);
});

test('a cancelled download ends at once, leaves its part, and says so', async (t) => {
  const setting = await setUp(t);
  setting.hub.faults.push({ match: FILES, kind: 'stall', after: 7000 });
  const cancel = new AbortController();
  const resolved = setting.resolve({
    signal: cancel.signal,
    onEvent: (event: HubEvent) => {
      if (event.kind === 'progress' && event.doneBytes >= 7000) cancel.abort();
    },
  });
  await assert.rejects(resolved, { code: 'cancelled' });
  assert.equal(partials(setting).length, 1);
  await assertWhole(setting);
});

test('a part left by a process that was killed is taken over at once', async (t) => {
  const setting = await setUp(t);
  setting.hub.faults.push({ match: FILES, kind: 'stall', after: 7000 });
  const child = resolveElsewhere(t, setting);
  while (!partials(setting).some((name) => statSync(join(blobsOf(setting), name)).size === 7000)) await pause();
  child.kill('SIGKILL');
  await once(child, 'close');
  await assertWhole(setting);
  assert.deepEqual(ranges(setting), [undefined, 'bytes=7000-']);
});

test('two processes at once: one downloads, the other waits and uses it', async (t) => {
  const setting = await setUp(t);
  setting.hub.faults.push({ match: FILES, kind: 'slow' });
  const children = [resolveElsewhere(t, setting), resolveElsewhere(t, setting)];
  const outputs = await Promise.all(children.map(outputOf));
  assert.equal(outputs[0], outputs[1]);
  assert.equal(hubTransfers(setting), 1);
  assert.deepEqual(readFileSync(join(outputs[0]!, 'model.onnx')), WEIGHTS);
  assert.deepEqual(partials(setting), []);
});

test('many callers in one process', async (t) => {
  const setting = await setUp(t);
  const all = await Promise.all(Array.from({ length: 5 }, () => setting.resolve()));
  assert.equal(new Set(all.map(({ directory }) => directory)).size, 1);
  assert.equal(hubTransfers(setting), 1);
  assert.deepEqual(partials(setting), []);
});

test('the part of a process of another machine is taken over when it is old, or shows no sign of life', async (t) => {
  const setting = await setUp(t);
  mkdirSync(blobsOf(setting), { recursive: true });
  const etag = await etagOfWeights(setting);
  const left = join(blobsOf(setting), `${etag}.0123456789abcdef-1.incomplete`);
  writeFileSync(left, WEIGHTS.subarray(0, 9000));
  utimesSync(left, 1, 1);
  await assertWhole(setting);
  assert.equal(ranges(setting).at(-1), 'bytes=9000-');

  writeFileSync(left, 'abc');
  let waits = 0;
  const signal = new AbortController().signal;
  const hold = { isDone: () => false, onWait: () => (waits += 1), signal, goneAfterMs: 400 };
  const partial = await PartialFile.hold(blobsOf(setting), etag, hold);
  assert.deepEqual([partial?.bytes, waits, existsSync(left)], [3, 1, false]);
  await partial!.discard();
});

test('a blob of another size than announced is written anew', async (t) => {
  const setting = await setUp(t);
  const { directory } = await setting.resolve();
  writeFileSync(join(directory, 'model.onnx'), 'cut'); // through the link: the blob
  rmSync(join(directory, 'model.onnx'));
  await assertWhole(setting);
});

test('a disk without room is told before anything is written', async (t) => {
  const setting = await setUp(t);
  setting.hub.add('oracle/huge', { ...BERT });
  const { checkSpace } = await import('../../../src/model/hub/download-blob.ts');
  await assert.rejects(checkSpace(join(setting.cache, 'blobs'), 2 ** 60), {
    code: 'model_files',
    message:
      /^no room for the model: \d+ MiB are to be written, and \S+ has \d+ MiB free; `crossrank models` shows what is cached/,
  });
});

test('a cache that cannot be written is told as that', async (t) => {
  const setting = await setUp(t);
  const file = join(setting.cache, 'file');
  writeFileSync(file, '');
  await assert.rejects(setting.resolve({}, { cacheDirectory: join(file, 'cache') }), {
    code: 'model_files',
    message: /cannot be written: ENOTDIR/,
  });
});

function hubTransfers({ hub }: Setting): number {
  return hub.seen.filter(({ host }) => host === 'files').length;
}

async function etagOfWeights({ settings, hub }: Setting): Promise<string> {
  const tree = (await (await fetch(`${settings.endpoint}/api/models/${ID}/tree/main?recursive=true`)).json()) as {
    path: string;
    lfs?: { oid: string };
  }[];
  hub.seen.length = 0;
  return tree.find(({ path }) => path === 'model.onnx')!.lfs!.oid;
}

/** Resolves the model in a process of its own, which prints the directory. */
function resolveElsewhere(t: TestContext, { settings }: Setting): ChildProcess {
  const module = join(repoRoot, 'dist/src/model/hub/resolve-model.js');
  const code = `
    const { resolveModel } = await import(${JSON.stringify(module)});
    const { directory } = await resolveModel({ model: '${ID}', revision: null, onnxFile: null, settings: () => (${JSON.stringify(settings)}),
      signal: new AbortController().signal, onEvent: () => {} });
    process.stdout.write(directory);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  return child;
}

async function outputOf(child: ChildProcess): Promise<string> {
  let text = '';
  child.stdout!.on('data', (chunk) => {
    text += chunk;
  });
  await once(child, 'close');
  return text;
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 10));
}

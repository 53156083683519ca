// The cache as `models` and `remove` see it: sizes, references, what a removal takes and what it leaves.

import assert from 'node:assert/strict';
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { planRemoval, remove } from '../../../src/model/hub/cache-removal.ts';
import { scanCache } from '../../../src/model/hub/cache-scan.ts';
import { diskFailure } from '../../../src/model/hub/hub-failure.ts';
import { isSafePath } from '../../../src/model/hub/model-id.ts';
import { OPTIONAL_FILES, OPTIONAL_ROOT_FILES, REQUIRED_FILES } from '../../../src/model/model-files.ts';
import { oracleModel } from '../../helpers/oracle.ts';
import { repoRoot } from '../../helpers/paths.ts';
import { filesOf } from '../../helpers/stand-in-hub.ts';
import { ID, listing, type Setting, setUp } from './support.ts';

const BERT = filesOf(oracleModel('bert'));
const SIZE = Object.values(BERT).reduce((sum, { length }) => sum + length, 0);
const OTHER_CONFIG = `${BERT['config.json']} `;

/** Two revisions that share all files but config.json; `refs/pr/1` leads to the second. */
async function twoRevisions(t: TestContext): Promise<Setting & { readonly first: string; readonly second: string }> {
  const setting = await setUp(t);
  setting.hub.add(ID, { ...BERT, 'config.json': OTHER_CONFIG }, 'refs/pr/1');
  const first = basename((await setting.resolve()).directory);
  const second = basename((await setting.resolve({ revision: 'refs/pr/1' })).directory);
  return { ...setting, first, second };
}

test('a scan counts shared blobs once, and unfinished downloads too', async (t) => {
  const { cache, first, second } = await twoRevisions(t);
  writeFileSync(join(cache, 'models--oracle--bert/blobs', `${'0'.repeat(40)}.0123456789abcdef-1.incomplete`), 'part');
  mkdirSync(join(cache, 'datasets--a--b'));
  mkdirSync(join(cache, '.locks'));
  const [model, ...rest] = scanCache(cache);
  assert.deepEqual(rest, []);
  assert.deepEqual([model!.id, model!.bytes, model!.unfinishedBytes], [ID, SIZE + OTHER_CONFIG.length + 4, 4]);
  const revisions = model!.revisions.toSorted((a, b) => (a.commit === first ? -1 : b.commit === first ? 1 : 0));
  assert.deepEqual(
    revisions.map(({ commit, refs, bytes, onnxFiles }) => ({ commit, refs, bytes, onnxFiles })),
    [
      { commit: first, refs: ['main'], bytes: SIZE, onnxFiles: ['model.onnx'] },
      { commit: second, refs: ['refs/pr/1'], bytes: SIZE + 1, onnxFiles: ['model.onnx'] },
    ],
  );
  assert.deepEqual(scanCache(join(cache, 'nothing')), []);
});

test('a revision goes with its references and the blobs no other has', async (t) => {
  const { cache, first, second, resolve } = await twoRevisions(t);
  const plan = planRemoval(cache, ID, second.slice(0, 8))!;
  assert.deepEqual([plan.commits, plan.freedBytes], [[second], OTHER_CONFIG.length]);
  assert.deepEqual(planRemoval(cache, ID, 'refs/pr/1'), plan);
  await remove(plan);
  assert.ok(!listing(cache).some((line) => line.includes(second) || line.includes('refs/pr')));
  assert.equal((await resolve({}, { offline: true })).directory, join(cache, 'models--oracle--bert/snapshots', first));
  const left = planRemoval(cache, ID, 'main')!;
  assert.deepEqual(
    [left.freedBytes, left.paths],
    [SIZE, [join(cache, 'models--oracle--bert')]],
    'the last revision is the whole model',
  );
  await remove(left);
  assert.deepEqual(readdirSync(cache), []);
});

test('a whole model goes; what is not there is null; an unknown revision names those that are', async (t) => {
  const { cache, first, second } = await twoRevisions(t);
  assert.throws(() => planRemoval(cache, ID, 'v1'), {
    code: 'model_files',
    message: new RegExp(`no revision 'v1' in the cache; it has .*main = ${first}`),
  });
  const plan = planRemoval(cache, ID, null)!;
  assert.deepEqual([plan.commits.toSorted(), plan.freedBytes], [[first, second].toSorted(), SIZE + OTHER_CONFIG.length]);
  await remove(plan);
  assert.equal(planRemoval(cache, ID, null), null);
});

test('blobs that are second names, or links into a shared store, are told apart from what they lead to', async (t) => {
  const { cache, second } = await twoRevisions(t);
  const repo = join(cache, 'models--oracle--bert');
  const store = mkdtempSync(join(tmpdir(), 'crossrank-store-'));
  t.after(() => rmSync(store, { recursive: true }));
  const pointer = join(repo, 'snapshots', second, 'config.json');
  const blob = realpathSync(pointer);
  writeFileSync(join(store, 'payload'), OTHER_CONFIG);
  rmSync(blob);
  symlinkSync(join(store, 'payload'), blob);
  const extra = join(repo, 'blobs', 'f'.repeat(40));
  writeFileSync(extra, 'extra');
  linkSync(extra, join(repo, 'snapshots', second, 'extra.json'));
  const plan = planRemoval(cache, ID, second)!;
  assert.equal(plan.freedBytes, 'extra'.length);
  await remove(plan);
  assert.ok(!existsSync(blob) && !existsSync(extra));
  assert.equal(readFileSync(join(store, 'payload'), 'utf8'), OTHER_CONFIG);
});

test('file names of a hub: which ones stay where they are put', () => {
  for (const path of ['a', 'a/b.c', 'onnx/model.onnx', '.gitattributes', 'a b', 'x..y', '模型.json'])
    assert.ok(isSafePath(path), path);
  for (const path of ['', '/', '/a', 'a/', '.', '..', 'a/..', '../a', 'a//b', 'a/./b', 'a\\b', 'C:a', 'a/C:b', 'a\0'])
    assert.ok(!isSafePath(path), path);
});

test('what the disk refuses has its own words', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  assert.match(
    diskFailure('/cache', 5 * 2 ** 20, full).message,
    /^no room for the model: 5\.0 MiB are to be written, and \/cache is full; /,
  );
  const readOnly = Object.assign(new Error('EROFS: read-only file system'), { code: 'EROFS' });
  assert.match(diskFailure('/cache', 1, readOnly).message, /^the cache \/cache cannot be written: EROFS/);
});

test('every file the model reader looks for is one that is fetched', () => {
  const source = readFileSync(join(repoRoot, 'src/model/model-files.ts'), 'utf8');
  const read = new Set([...source.matchAll(/join\((?:base|root), '([^']+\.json)'\)/g)].map(([, name]) => name!));
  const fetched: readonly string[] = [...REQUIRED_FILES, ...OPTIONAL_FILES, ...OPTIONAL_ROOT_FILES];
  assert.ok(read.size >= 8, [...read].join());
  assert.deepEqual(
    [...read].filter((name) => !fetched.includes(name)),
    [],
  );
});

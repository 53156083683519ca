// What the image's build does to node_modules, without an engine.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { repoRoot } from '../helpers/paths.ts';

interface PruneModule {
  prune(modules: string, platform: string): void;
}
interface LicencesModule {
  isPermissive(expression: string): boolean;
}

async function script<Module>(name: string): Promise<Module> {
  return (await import(pathToFileURL(join(repoRoot, 'scripts/image', name)).href)) as Module;
}

const RUNTIME = 'onnxruntime-node/bin/napi-v6';

const FILES = [
  `${RUNTIME}/linux/x64/onnxruntime_binding.node`,
  `${RUNTIME}/linux/x64/libonnxruntime.so.1`,
  `${RUNTIME}/linux/x64/libonnxruntime_providers_cuda.so`,
  `${RUNTIME}/linux/arm64/onnxruntime_binding.node`,
  `${RUNTIME}/darwin/arm64/onnxruntime_binding.node`,
  'onnxruntime-node/package.json',
  '@scope/one/package.json',
  '@scope/one/index.js',
  '@scope/one/index.js.map',
  '@scope/one/index.d.ts',
  '@scope/one/LICENSE.md',
  '@scope/one/test/index.js',
  '@scope/one/lib/test/index.js',
  '@scope/one/node_modules/two/package.json',
  '@scope/one/node_modules/two/docs/index.html',
];

function modules(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), 'crossrank-modules-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const file of FILES) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), '');
  }
  return root;
}

suite('the build of the image', () => {
  test('one platform’s CPU binaries stay, and what is imported', async (t) => {
    const { prune } = await script<PruneModule>('prune-modules.mjs');
    const root = modules(t);
    prune(root, 'amd64');
    assert.deepEqual(
      FILES.filter((file) => existsSync(join(root, file))),
      [
        `${RUNTIME}/linux/x64/onnxruntime_binding.node`,
        `${RUNTIME}/linux/x64/libonnxruntime.so.1`,
        'onnxruntime-node/package.json',
        '@scope/one/package.json',
        '@scope/one/index.js',
        '@scope/one/LICENSE.md',
        '@scope/one/lib/test/index.js',
        '@scope/one/node_modules/two/package.json',
      ],
    );
    assert.deepEqual(readdirSync(join(root, RUNTIME)), ['linux']);
  });

  test('a platform without binaries fails the build', async (t) => {
    const { prune } = await script<PruneModule>('prune-modules.mjs');
    assert.throws(() => prune(modules(t), 's390x'), /no binaries for s390x: amd64 or arm64/);
    const root = modules(t);
    rmSync(join(root, RUNTIME, 'linux/arm64'), { recursive: true });
    assert.throws(() => prune(root, 'arm64'), /brings nothing for linux\/arm64/);
  });

  test('licences: one side of OR is enough, every side of AND is needed', async () => {
    const { isPermissive } = await script<LicencesModule>('licences.mjs');
    for (const good of ['MIT', '(MIT OR GPL-3.0-only)', '(Apache-2.0 AND BSD-3-Clause)']) assert.ok(isPermissive(good), good);
    for (const bad of [
      'GPL-3.0-only',
      'MIT AND GPL-3.0-only',
      '(MIT OR ISC) AND GPL-3.0-only',
      'none declared',
      'SEE LICENSE IN LICENSE',
      '',
    ]) {
      assert.ok(!isPermissive(bad), bad);
    }
  });
});

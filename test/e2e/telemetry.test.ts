// onnxruntime reports home unless it is told not to: a device id and a database below the user's cache folder are its traces.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { EMBEDDED_MODEL_DIRECTORY } from '../../src/embedded-model.ts';
import { repoRoot } from '../helpers/paths.ts';

/** Runs node in a home of its own. @returns the files it left there */
function filesLeft(t: TestContext, script: string, environment: Readonly<Record<string, string>> = {}): readonly string[] {
  const home = mkdtempSync(join(tmpdir(), 'crossrank-home-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  const env = { PATH: process.env.PATH, HOME: home, XDG_CACHE_HOME: join(home, 'cache'), ...environment };
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    env,
    cwd: repoRoot,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  return readdirSync(home, { recursive: true, encoding: 'utf8' });
}

const isTrace = (file: string): boolean => /onnxruntime|deviceid|microsoft/i.test(file);

test('the command line leaves no trace of telemetry, its packing process included', (t) => {
  const files = filesLeft(
    t,
    `process.argv.splice(1, 1, 'crossrank', 'rank', '-q', 'pandas', '--json', 'README.md'); await import('./dist/src/main.js');`,
  );
  assert.ok(
    files.some((file) => file.includes('prepared')),
    'a packed copy was made',
  );
  assert.deepEqual(files.filter(isTrace), []);
});

test('nor does the library', (t) => {
  const files = filesLeft(
    t,
    `const { CrossEncoder } = await import('./dist/src/index.js');
     const model = await CrossEncoder.load();
     await model.rank('pandas', ['a', 'b']);
     await model.close();`,
  );
  assert.ok(
    files.some((file) => file.includes('prepared')),
    'a packed copy was made',
  );
  assert.deepEqual(files.filter(isTrace), []);
});

test('the bare runtime does leave one, so the tests above can fail', {
  skip: process.platform !== 'linux' && 'where they lie is known for Linux',
}, (t) => {
  const onnx = JSON.stringify(join(EMBEDDED_MODEL_DIRECTORY, 'model.onnx'));
  const files = filesLeft(
    t,
    `const { InferenceSession } = (await import('onnxruntime-node')).default; await InferenceSession.create(${onnx});`,
  );
  assert.notDeepEqual(files.filter(isTrace), []);
});

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { repoRoot } from '../helpers/paths.ts';

const scripts = join(repoRoot, 'scripts');
const { chooseTests, containerTests, needsClients } = await import(pathToFileURL(join(scripts, 'tests.mjs')).href);

test('a filter chooses the files whose path contains it, and no container tests', () => {
  assert.deepEqual(chooseTests(['pool/fair']), [join('test', 'pool', 'fair-queue.test.ts')]);
  const all: string[] = chooseTests([]);
  assert.ok(all.length > 100 && all.includes(join('test', 'scripts', 'tests.test.ts')));
  const containers: string[] = containerTests();
  assert.ok(containers.length > 0 && containers.every((name) => !all.includes(name)));
});

test('a filter that matches nothing is an error that names it', () => {
  assert.throws(() => chooseTests(['no-such-room']), /no test file matches no-such-room/);
});

test('clients of other people are asked for by their own tests alone', () => {
  assert.equal(needsClients(chooseTests(['pool/fair'])), false);
  assert.equal(needsClients(chooseTests(['clients/'])), true);
});

test('an unknown task names those that exist, before anything is installed', async () => {
  const error = await new Promise<{ code?: number; stderr: string }>((resolve) => {
    execFile(process.execPath, [join(scripts, 'task.mjs'), 'tset'], (failure, _stdout, stderr) =>
      resolve({ code: Number(failure?.code), stderr }),
    );
  });
  assert.equal(error.code, 2);
  assert.match(error.stderr, /unknown task 'tset'.*start, build, check, test/);
});

// The command line without a model: help, version, and every way of being started wrongly.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { EXIT_CODES } from '../../src/cli/exit-codes.ts';
import { optionEntries } from '../../src/config/options.ts';
import { VERSION } from '../../src/version.ts';
import { repoRoot } from '../helpers/paths.ts';
import { Crossrank, type Finished } from './process.ts';

test('--version and --help', async (t) => {
  const version = await run(t, ['--version']);
  assert.deepEqual([version.code, version.stdout], [0, `${VERSION}\n`]);
  const help = await run(t, ['--help']);
  assert.equal(help.code, 0);
  assert.match(help.stdout, /serve \[options\]/);
  for (const { code, meaning } of Object.values(EXIT_CODES))
    assert.ok(help.stdout.includes(`${code}`.padEnd(5) + meaning), meaning);
  const serve = await run(t, ['serve', '--help']);
  assert.equal(serve.code, 0);
  for (const [, { flag }] of optionEntries()) assert.ok(serve.stdout.includes(`--${flag} `), flag);
  assert.equal((await run(t, ['help', 'serve'])).stdout, serve.stdout);
});

test('all problems are printed at once, exit code 1', async (t) => {
  const { code, stderr } = await run(t, ['--port', 'x', '--prot=1', '--workers', '0', 'stray'], { CROSSRANK_LOG_LEVEL: 'loud' });
  assert.equal(code, 1);
  assert.deepEqual(stderr.trimEnd().split('\n'), [
    'crossrank: unknown option --prot; did you mean --port?',
    "crossrank: unexpected argument 'stray'",
    "crossrank: --workers must be an integer from 1 to 1024, got '0'",
    "crossrank: --port must be an integer from 0 to 65535, got 'x'",
    "crossrank: CROSSRANK_LOG_LEVEL must be one of error, warn, info, debug, got 'loud'",
  ]);
});

test('a flag of serve without its value is a problem of its configuration too', async (t) => {
  const { code, stderr } = await run(t, ['serve', '--port']);
  assert.deepEqual([code, /^crossrank: option '-p, --port <port>' argument missing.*\n$/.test(stderr)], [1, true], stderr);
});

test('an unknown command is told', async (t) => {
  const { code, stderr } = await run(t, ['sevre']);
  assert.equal(code, 2);
  assert.match(stderr, /^crossrank: unknown command 'sevre' \(Did you mean serve\?\).*\n$/);
});

test('a directory without a model is one clear error', async (t) => {
  const { code, stderr } = await run(t, ['serve', '--model-id', join(repoRoot, 'src/cli'), '--port', '0']);
  assert.equal(code, 1);
  assert.match(stderr, /^crossrank: .*config\.json.*\n$/);
});

function run(test: TestContext, args: readonly string[], environment?: Readonly<Record<string, string>>): Promise<Finished> {
  return new Crossrank(test, args, environment === undefined ? {} : { environment }).finished;
}

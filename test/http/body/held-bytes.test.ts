// The estimate of what a parsed body holds against measurement: never below, and for texts not far above.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { repoRoot } from '../../helpers/paths.ts';
import type { Measured } from './measure-held.ts';

const SCRIPT = join(repoRoot, 'dist/test/http/body/measure-held.js');

test('what is estimated is held at most, for bodies of every kind', async (t) => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', SCRIPT]);
  const measured = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Measured);
  assert.ok(measured.length > 20);
  for (const { kind, bytes, estimated, held } of measured) {
    t.diagnostic(
      `${kind}: ${(held / bytes).toFixed(1)} bytes held for each sent, ${(estimated / held).toFixed(1)} times that estimated`,
    );
    assert.ok(estimated >= held, `${kind}: ${estimated} estimated, ${held} held`);
    if (kind.startsWith('text:')) assert.ok(estimated <= 4 * held, `${kind}: ${estimated} estimated, ${held} held`);
  }
});

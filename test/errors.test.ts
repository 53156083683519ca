import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ERROR_STATUS, type ErrorCode, RerankError, toErrorData } from '../src/errors.ts';
import { repoRoot } from './helpers/paths.ts';

test('the README lists every code with its status, and no other', () => {
  const readme = readFileSync(join(repoRoot, 'README.md'), 'utf8');
  const section = readme.slice(readme.indexOf('## Errors'));
  const rows = [...section.slice(0, section.indexOf('\n## ', 3)).matchAll(/^\| `(\w+)` \| (\d{3}) \|/gm)];
  assert.deepEqual(Object.fromEntries(rows.map(([, code, status]) => [code, Number(status)])), ERROR_STATUS);
});

test('an error keeps its code, message and field as data, anything else becomes the fallback', () => {
  for (const code of Object.keys(ERROR_STATUS) as ErrorCode[]) {
    const error = new RerankError(code, `why ${code}`, { field: 'query', retryAfterSeconds: 2 });
    assert.equal(error.status, ERROR_STATUS[code]);
    assert.deepEqual(toErrorData(error), { code, message: `why ${code}`, field: 'query' });
  }
  assert.deepEqual(toErrorData(new TypeError('odd')), { code: 'internal', message: 'odd' });
  assert.deepEqual(toErrorData('text', 'inference'), { code: 'inference', message: 'text' });
});

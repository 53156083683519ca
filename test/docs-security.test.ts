// docs/security.md says what the code does: options, defaults, sizes of the fuzzing, and the costs that were measured.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { worstTable } from '../bench/report/worst-table.ts';
import { WORST_CASES } from '../bench/worst/cases.ts';
import { optionEntries } from '../src/config/options.ts';
import { repoRoot } from './helpers/paths.ts';

const page = read('docs/security.md');

function read(path: string): string {
  return readFileSync(join(repoRoot, path), 'utf8');
}

test('every option of the page exists, with the default that the page tells', () => {
  const options = new Map(optionEntries().map(([, spec]) => [`--${spec.flag}`, spec.fallbackText]));
  for (const [flag] of page.matchAll(/--[a-z][a-z-]+/g)) assert.ok(options.has(flag) || flag === '--only', flag);
  const rows = [...page.matchAll(/^\|.*\| `(--[a-z-]+)` \| ([^|]+) \|[^|]*\|$/gm)];
  assert.ok(rows.length >= 8, `${rows.length} rows name an option`);
  for (const [, flag, told] of rows) assert.equal(told, options.get(flag!), flag);
});

test('the costs of the worst requests are those that were measured, all of them', () => {
  const results = JSON.parse(read('bench/results/worst.json'));
  assert.deepEqual(
    results.figures.map(({ request }: { request: string }) => request),
    WORST_CASES.map(({ name }) => name),
  );
  assert.ok(page.includes(worstTable(results)), worstTable(results));
});

test('the sizes of the fuzzing are those of the tests', () => {
  const [, growing] = /: (\d+) bodies for each of three tokenizers/.exec(page)!;
  assert.match(read('test/hostile/growing.test.ts'), new RegExp(`GROWING_RUNS \\?\\? ${growing}\\)`));
  const [, dialect] = /sends ([\d,]+) hostile bodies/.exec(page)!;
  assert.match(read('test/http/fuzz.test.ts'), new RegExp(`FUZZ_RUNS \\?\\? ${dialect!.replace(',', '')}\\)`));
});

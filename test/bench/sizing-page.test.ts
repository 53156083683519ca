// docs/sizing.md quotes the committed results, and nothing else.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fillPage, type SizingSources, sizingBlocks } from '../../bench/report/sizing-figures.ts';
import { repoRoot } from '../helpers/paths.ts';

function result(name: string) {
  return JSON.parse(readFileSync(join(repoRoot, 'bench/results', `${name}.json`), 'utf8'));
}

const sizingFile = join(repoRoot, 'bench/results/sizing.json');
const sources: SizingSources = {
  engine: result('engine'),
  pool: result('pool'),
  http: result('http'),
  memory: result('memory'),
  growth: result('growth'),
  sizing: existsSync(sizingFile) ? result('sizing') : null,
};
const page = readFileSync(join(repoRoot, 'docs/sizing.md'), 'utf8');

test('the page holds the figures of the committed results', () => {
  assert.equal(page, fillPage(page, sizingBlocks(sources)), 'run `node dist/bench/sizing-page.js`');
});

test('another result gives another page', () => {
  const [first, ...others] = sources.engine.results;
  const slower = first!.plans.map((each) => ({ ...each, tokens_per_second: each.tokens_per_second / 2 }));
  const engine = { ...sources.engine, results: [{ ...first!, plans: slower }, ...others] };
  const changed = sizingBlocks({ ...sources, engine });
  assert.notEqual(fillPage(page, changed), page);
  assert.notEqual(changed['example'], sizingBlocks(sources)['example']);
});

test('a page without its block is an error', () => {
  assert.throws(() => fillPage('# Sizing\n', { speed: '' }), /no block speed/);
});

test('the figures by length and by workers appear when they were measured', () => {
  const seconds = { median: 1, p25: 1, p75: 1, rounds: 1 };
  const speed = {
    model: 'shape',
    dtype: 'int8',
    tokens_per_pair: 256,
    pairs: 9,
    seconds,
    pairs_per_second: 39.06,
    tokens_per_second: 10_000,
  } as const;
  const replica = { model: 'shape', dtype: 'int8', workers: 4, anonymous_mib: 321.4, file_mib: 123.4, ready_ms: 1234 } as const;
  const machine = { cpu: 'CPU', cores: 3, flags: ['avx2'] };
  const cold = { model: 'shape', dtype: 'int8', anonymous_peak_mib: 987.6, ready_ms: 4321 } as const;
  const blocks = sizingBlocks({ ...sources, sizing: { speed: [speed], replicas: [replica], cold: [cold], machine } });
  assert.ok(blocks['speed']!.includes('| shape | int8 | 256 | 10000 | 39.1 | sizing.json |'));
  assert.ok(blocks['speed']!.endsWith(' sizing.json: CPU, 3 cores, AVX2, without VNNI.'));
  assert.ok(blocks['memory']!.includes('| shape | int8 | 4 | 321 | 123 | 988 | 1.23 | 4.32 |'));
});

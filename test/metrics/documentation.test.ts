// docs/metrics.md tells every series as the registry has it.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { OWN_SERIES } from '../../src/metrics/own-series.ts';
import type { Series } from '../../src/metrics/series.ts';
import { TE_SERIES } from '../../src/metrics/te-series.ts';
import { parseExposition } from '../helpers/exposition.ts';
import { repoRoot } from '../helpers/paths.ts';
import { testMetrics } from '../helpers/test-metrics.ts';

const document = readFileSync(join(repoRoot, 'docs/metrics.md'), 'utf8');

const HEAD = '| Series | Type | Labels | Unit | Meaning |\n|---|---|---|---|---|';

test('the tables of our own series and of those of text-embeddings-inference are those of the registry', () => {
  for (const series of [TE_SERIES, OWN_SERIES]) {
    const rows = Object.values<Series>(series).map(({ name, type, labels, unit, help }) =>
      row([`\`${name}\``, type, labels.map((label) => `\`${label}\``).join(' '), unit, help]),
    );
    const table = [HEAD, ...rows].join('\n');
    assert.ok(document.includes(`${table}\n`), `docs/metrics.md must contain this table:\n\n${table}\n`);
  }
});

test('the table of the process has every other series', async () => {
  const { types, help, samples } = parseExposition(await testMetrics().text());
  const others = [...types].filter(([name]) => !/^(te|crossrank)_/.test(name));
  const rows = others.map(([name, type]) => {
    const labels = new Set(
      samples.filter((sample) => sample.name.startsWith(name)).flatMap((sample) => Object.keys(sample.labels)),
    );
    labels.delete('le');
    return row([
      `\`${name}\``,
      type,
      [...labels].map((label) => `\`${label}\``).join(' '),
      unitOf(name),
      help.get(name)!.replace(/\.$/, ''),
    ]);
  });
  assert.ok(rows.length > 20);
  // Row by row: some of them exist on Linux only.
  for (const each of rows)
    assert.ok(document.includes(`${each}\n`), `docs/metrics.md must contain these rows:\n\n${rows.join('\n')}\n`);
});

test('every series the prose names exists', async () => {
  const { types } = parseExposition(await testMetrics().text());
  const named = [...document.matchAll(/\b(?:te|crossrank|process|nodejs)_\w+/g)].map(([name]) =>
    name.replace(/_(bucket|sum|count)$/, (suffix) => (suffix === '_count' ? suffix : '')),
  );
  for (const name of named) assert.ok(types.has(name) || types.has(name.replace(/_count$/, '')), name);
});

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

/** By Prometheus' conventions the name ends with it. */
function unitOf(name: string): string {
  return /(seconds|bytes)(_total)?$/.exec(name)?.[1] ?? (name.endsWith('_info') ? 'info' : 'count');
}

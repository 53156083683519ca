// The READMEs quote the committed results, and nothing else.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { LOAD_PARTS, loadTable, peersTable, ratiosTable } from '../../bench/report/readme-table.ts';
import { repoRoot } from '../helpers/paths.ts';

function fileOf(name: string): string {
  return join(repoRoot, 'bench/results', `${name}.json`);
}

function result(name: string) {
  return JSON.parse(readFileSync(fileOf(name), 'utf8'));
}

test('both READMEs hold the tables of the committed results', () => {
  const underLoad = LOAD_PARTS.filter((name) => existsSync(fileOf(name)));
  const tables = [
    ratiosTable(['engine', 'pool', 'http', 'memory', 'growth'].map(result)),
    peersTable(result('peers')),
    ...(underLoad.length === 0 ? [] : [loadTable(underLoad.map(result))]),
  ];
  for (const name of ['README.md', 'README.zh-CN.md']) {
    const text = readFileSync(join(repoRoot, name), 'utf8');
    for (const table of tables) assert.ok(text.includes(table), `${name} must contain this table:\n${table}`);
  }
});

test('a peer faster than crossrank would show, and so would a missed aim', () => {
  const peers = peersTable({
    library: {
      documents: 2,
      systems: [
        { peer: 'crossrank', documents_per_second: 100, ratio: 1 },
        { peer: 'other', documents_per_second: 123.456, ratio: 0.81 },
      ],
    },
    service: [],
  });
  assert.match(peers, /\| library, 2 documents a call \| other \| 123 \| 100 \| 0\.81 \|/);
  const wanted = { name: 'a over b', target: '>= 3', measured: 2.5, met: false };
  assert.match(ratiosTable([{ wanted: [wanted] }]), /\| a over b \| 2\.5 \| >= 3 \|/);
  assert.equal(
    loadTable([{ wanted: [wanted] }, { wanted: [{ ...wanted, measured: null }] }]),
    '| Under load | Measured | Aim |\n|---|---|---|\n| a over b | 2.5 | >= 3 |',
  );
});

// Prints a part's tables and writes its JSON and charts.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Provenance } from '../machine.ts';
import type { PartName, PartResult } from '../part.ts';
import { RESULTS } from '../paths.ts';
import { renderChart } from './chart.ts';
import { renderTable } from './table.ts';

export function printPart({ tables, wanted }: PartResult): void {
  for (const { title, rows } of tables) console.log(`\n${renderTable(title, rows)}`);
  if (wanted.length === 0) return;
  const rows = wanted.map(({ name, target, measured, met, note }) => ({ wanted: name, target, measured, met, note: note ?? '' }));
  console.log(`\n${renderTable('wanted', rows)}`);
}

/** @returns paths of the files */
export function writePart(name: PartName, part: PartResult, provenance: Provenance): string[] {
  mkdirSync(RESULTS, { recursive: true });
  const json = join(RESULTS, `${name}.json`);
  writeFileSync(json, `${JSON.stringify({ ...provenance, wanted: part.wanted, ...part.results }, null, 2)}\n`);
  const charts = part.charts.map((chart) => {
    const path = join(RESULTS, `${chart.name}.svg`);
    writeFileSync(path, renderChart({ ...chart, subtitle: `${chart.subtitle}; ${conditions(provenance)}` }));
    return path;
  });
  return [json, ...charts];
}

function conditions({ machine, versions, busy }: Provenance): string {
  const { cpu, cores } = machine;
  return `${cpu}, ${cores} cores, Node ${versions.node}, onnxruntime ${versions.onnxruntime}${busy ? ', on a BUSY machine' : ''}`;
}

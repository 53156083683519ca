// The figures as tables and as bench/results/peers.json.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Provenance } from '../machine.ts';
import { RESULTS } from '../paths.ts';
import { type Row, renderTable } from '../report/table.ts';
import { significant } from '../statistics.ts';
import type { LibraryFigures, LibraryResult } from './library.ts';
import type { ServiceFigures, ServiceResult } from './service.ts';

/** A whole run. */
export interface PeersReport extends Provenance {
  readonly model: string;
  /** Which peers were not installed. */
  readonly skipped: readonly string[];
  readonly library: LibraryResult;
  readonly service: readonly ServiceResult[];
}

/** Prints a table for the library form and one for each load on the services. */
export function print({ library, service }: PeersReport): void {
  const title = `rank(query, ${library.documents} documents), a call at a time, fp32; scores span ${library.score_spread.toFixed(3)}`;
  console.log(`\n${renderTable(title, library.systems.map(libraryRow))}`);
  for (const { connections, documents, systems } of service) {
    const load = `POST /rank_documents/, ${connections} connections, ${documents} documents a request`;
    console.log(`\n${renderTable(load, systems.map(serviceRow))}`);
  }
}

function libraryRow({ peer, documents_per_second, ratio, largest_score_difference, seconds }: LibraryFigures): Row {
  return {
    system: peer,
    'documents/s': significant(documents_per_second),
    'ours/theirs': significant(ratio),
    rounds: seconds.length,
    'score difference': largest_score_difference.toExponential(0),
  };
}

function serviceRow({ peer, documents_per_second, ratio, p50_ms, p99_ms, rounds, requests, errors }: ServiceFigures): Row {
  return {
    system: peer,
    'documents/s': significant(documents_per_second),
    'ours/theirs': significant(ratio),
    'p50 ms': Math.round(p50_ms),
    'p99 ms': Math.round(p99_ms),
    rounds: rounds.length,
    requests,
    errors,
  };
}

/** Writes the results file. @returns its path */
export function write(report: PeersReport): string {
  mkdirSync(RESULTS, { recursive: true });
  const path = join(RESULTS, 'peers.json');
  const text = JSON.stringify(report, (_key, value) => (typeof value === 'number' ? significant(value) : value), 2);
  writeFileSync(path, `${text}\n`);
  return path;
}

// The far end of a driver in Node: reports ready, then ranks what standard input asks for. The Python one is rank_driver.py.

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { CorpusRequest } from '../corpus.ts';
import type { Ranking } from './agreement.ts';

/** What a driver brings: the packages behind it, and how it ranks. */
export interface DriverParts {
  readonly versions: Readonly<Record<string, string>>;
  readonly rank: (query: string, documents: readonly string[]) => Promise<Ranking>;
}

/** Answers until standard input ends. */
export async function driverLoop(requestsFile: string, { versions, rank }: DriverParts): Promise<void> {
  const requests = JSON.parse(readFileSync(requestsFile, 'utf8')) as readonly CorpusRequest[];
  answer({ ready: true, versions });
  for await (const line of createInterface({ input: process.stdin })) {
    const { query, documents } = requests[(JSON.parse(line) as { request: number }).request]!;
    const startedMs = performance.now();
    const ranking = await rank(query, documents);
    answer({ seconds: (performance.now() - startedMs) / 1000, ranking });
  }
}

function answer(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

// Run with --expose-gc: prints, for bodies of every kind, what was estimated and what is held once they are parsed.

import { isAscii } from 'node:buffer';
import { BodyBytes } from '../../../src/http/body/body-bytes.ts';
import type { BodyLimits } from '../../../src/http/body/body-limits.ts';
import { heldBytes } from '../../../src/http/body/held-bytes.ts';
import { JsonScanner } from '../../../src/http/body/json-scanner.ts';
import { parseBody } from '../../../src/http/body/parse-json.ts';
import { SharedTurns } from '../../../src/rerank/turns.ts';

export interface Measured {
  readonly kind: string;
  readonly bytes: number;
  readonly estimated: number;
  readonly held: number;
}

const NO_LIMITS: BodyLimits = { bytes: 1e9, depth: 100, values: 1e9, valuesOfPart: 1e9, keysOfObject: 1e9, newKeys: 1e9 };
const CHUNK_BYTES = 65_536;

const list = (count: number, entry: (index: number) => string) =>
  `{"documents":[${Array.from({ length: count }, (_, index) => entry(index)).join(',')}]}`;
const name = (index: number) => index.toString(36);
const object = (count: number, field: (index: number) => string) =>
  `{${Array.from({ length: count }, (_, index) => field(index)).join(',')}}`;

/** The same twenty keys, each time in another order. */
function shuffled(seed: number): string {
  const keys = [...'abcdefghijklmnopqrst'];
  for (let i = keys.length - 1, state = seed + 1; i > 0; i -= 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const other = (state >>> 8) % (i + 1);
    [keys[i], keys[other]] = [keys[other]!, keys[i]!];
  }
  return `{${keys.map((key) => `"${key}":0`).join(',')}}`;
}

const KINDS: Readonly<Record<string, () => string>> = {
  'text: ASCII documents': () => list(2000, (index) => `"${name(index)}${' plain words'.repeat(90)}"`),
  'text: one long document': () => list(1, () => `"${'plain words '.repeat(300_000)}"`),
  'text: Latin-1': () => list(2000, (index) => `"${name(index)}${' café crème'.repeat(90)}"`),
  'text: Chinese': () => list(2000, (index) => `"${name(index)}${'熊猫是一种动物'.repeat(40)}"`),
  'text: emoji': () => list(1000, (index) => `"${name(index)}${'🐼'.repeat(200)}"`),
  'text: ASCII with one character beyond': () => list(2000, (index) => `"${name(index)}熊${' plain words'.repeat(90)}"`),
  'text: ASCII with one escape beyond': () => list(2000, (index) => `"${name(index)}\\u718a${' plain words'.repeat(90)}"`),
  'text: objects with a text': () => list(4000, (index) => `{"id":${index},"text":"${name(index)}${' plain words'.repeat(30)}"}`),
  'many small strings': () => list(200_000, (index) => `"${name(index)}"`),
  'empty strings': () => list(200_000, () => '""'),
  'small whole numbers': () => list(200_000, () => '0'),
  fractions: () => list(200_000, (index) => `${index}.5`),
  'fractions among texts': () => list(200_000, (index) => (index % 2 === 0 ? '1.5' : '""')),
  literals: () => list(200_000, (index) => ['true', 'false', 'null'][index % 3]!),
  'empty objects': () => list(200_000, () => '{}'),
  'empty lists': () => list(200_000, () => '[]'),
  'lists of one': () => list(200_000, () => '[0]'),
  'nested lists': () => list(20_000, () => `${'['.repeat(20)}${']'.repeat(20)}`),
  pairs: () => list(100_000, (index) => `["q","${name(index)}"]`),
  'one key': () => list(200_000, () => '{"a":0}'),
  'a new key each': () => list(200_000, (index) => `{"${name(index)}":0}`),
  'a new long key each': () => list(20_000, (index) => `{"${'k'.repeat(200)}${name(index)}":0}`),
  'twenty new keys each': () => list(10_000, (index) => object(20, (field) => `"${name(index * 20 + field)}z":0`)),
  'a hundred new keys each': () => list(2000, (index) => object(100, (field) => `"${name(index * 100 + field)}z":0`)),
  'a thousand new keys each': () => list(200, (index) => object(1000, (field) => `"${name(index * 1000 + field)}z":0`)),
  'a thousand keys, the same': () => list(200, () => object(1000, (field) => `"${name(field)}z":0`)),
  'twenty keys in any order': () => list(10_000, shuffled),
  'keys that are small numbers': () => list(100_000, (index) => `{"${index % 8}":0}`),
  'keys that are numbers': () => list(100_000, () => '{"1023":0}'),
  'keys that are large numbers': () => list(100_000, () => '{"4294967000":0}'),
};

async function measure(kind: string): Promise<Measured> {
  const text = KINDS[kind]!();
  const bytes = Buffer.from(text);
  const scan = new JsonScanner(NO_LIMITS);
  const store = new BodyBytes();
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    const chunk = bytes.subarray(at, at + CHUNK_BYTES);
    scan.scan(chunk);
    scan.wide ||= !isAscii(chunk) || chunk.includes('\\u');
    store.append(chunk);
  }
  scan.end();
  const before = used();
  const value = await parseBody(store, scan, { turns: new SharedTurns(), isGone: () => false });
  const held = used() - before;
  if (value === null) throw new Error('the value is still needed');
  return { kind, bytes: bytes.length, estimated: heldBytes(scan), held };
}

function used(): number {
  for (let i = 0; i < 3; i += 1) globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

await measure('pairs'); // code is compiled and tables have grown
for (const kind of Object.keys(KINDS)) process.stdout.write(`${JSON.stringify(await measure(kind))}\n`);

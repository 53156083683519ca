// The dearest single requests known, of every kind: what each costs the server is measured and stands in docs/security.md.

import { gzipSync } from 'node:zlib';

export interface WorstCase {
  /** What is hostile about it, for the table. */
  readonly name: string;
  readonly path: string;
  /** As sent: gzipped. Made when asked for, because some are large. */
  readonly body: () => Buffer;
}

const MILLION = 1_000_000;

/** JSON texts, because values of this size would be dearer to build than to send. */
export const WORST_CASES: readonly WorstCase[] = [
  worst(
    '5,000,000 numbers where a text belongs',
    '/vllm/rerank',
    () => `{"query":{"content":[${list('0', 5 * MILLION)}]},"documents":["a"]}`,
  ),
  worst('a document with 1,500,000 keys', '/rank', () => {
    const keys = Array.from({ length: 1.5 * MILLION }, (_, index) => `"k${index}":0`).join(',');
    return `{"query":"a","documents":[{"text":"a",${keys}}]}`;
  }),
  worst(
    '11,000,000 objects in an unknown field',
    '/v1/rerank',
    () => `{"query":"a","documents":["a"],"x":[${list('{}', 11 * MILLION)}]}`,
  ),
  worst(
    'lists 10,000,000 deep',
    '/rank',
    () => `{"query":"a","documents":${'['.repeat(10 * MILLION)}${']'.repeat(10 * MILLION)}}`,
  ),
  worst('a prompt of 1 MB before 6,000 pairs', '/predict', () => {
    const pairs = Array.from({ length: 6000 }, (_, index) => `["q${index}","d"]`).join(',');
    return `{"prompt":"${'x'.repeat(MILLION)}","pairs":[${pairs}]}`;
  }),
  worst('1,600 documents of 20,000 characters, equal but for their ends', '/rank', () => {
    const same = 'x'.repeat(20_000);
    const documents = Array.from({ length: 1600 }, (_, index) => `"${same}${index}"`).join(',');
    return `{"query":"a","documents":[${documents}]}`;
  }),
  worst('800,000 combining marks of two classes', '/rank', () => {
    const marks = 400_000;
    return `{"query":"a","documents":["a${'\u0301'.repeat(marks)}${'\u0316'.repeat(marks)}"]}`;
  }),
  worst('a document of 15,000,000 times U+0130', '/rank', () => `{"query":"a","documents":["${'\u0130'.repeat(15 * MILLION)}"]}`),
  worst('a query of 1 MB for 500 documents', '/rank', () => {
    const documents = Array.from({ length: 500 }, (_, index) => `"document ${index}"`).join(',');
    return `{"query":"${'what is it '.repeat(100_000)}","documents":[${documents}]}`;
  }),
  worst(
    'a document of 32 MB of prose',
    '/rank',
    () => `{"query":"a","documents":["${'some words of prose '.repeat(1.6 * MILLION)}"]}`,
  ),
  worst('10,000 short documents', '/rank', () => {
    const documents = Array.from({ length: 10_000 }, (_, index) => `"${index}"`).join(',');
    return `{"query":"a","documents":[${documents}],"return_documents":true}`;
  }),
  worst(
    'an activation_fn of 30 MB',
    '/rank',
    () => `{"query":"a","documents":["a"],"activation_fn":"${'x'.repeat(30 * MILLION)}"}`,
  ),
];

function worst(name: string, path: string, json: () => string): WorstCase {
  return { name, path, body: () => gzipSync(json()) };
}

function list(item: string, count: number): string {
  return `${`${item},`.repeat(count - 1)}${item}`;
}

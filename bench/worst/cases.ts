// The dearest single requests known, of every kind: what each costs the server is measured and stands in docs/security.md.

import { gzipSync } from 'node:zlib';

/** As sent: gzipped, or plain where a server would refuse the compressed form at once. */
export interface WorstBody {
  readonly bytes: Buffer;
  readonly isGzipped: boolean;
}

/** A body that inflates to more than this many times its size is refused while it does. */
const MAX_RATIO = 100;

export interface WorstCase {
  /** What is hostile about it, for the table. */
  readonly name: string;
  readonly path: string;
  /** Made when asked for, because some are large. */
  readonly body: () => WorstBody;
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
  worst('a document of 32 MB of spaces', '/rank', () => `{"query":"a","documents":["${' '.repeat(32 * MILLION)}"]}`),
  worst('20 documents of 1.5 MB in chunks', '/rank', () => {
    const documents = Array.from({ length: 20 }, (_, index) => `"${index} ${'some words of prose '.repeat(75_000)}"`).join(',');
    return `{"query":"a","documents":[${documents}],"long_documents":"chunk"}`;
  }),
  worst('900 documents of 990 numbers, sent back', '/v1/rerank', () => {
    const fields = Array.from({ length: 990 }, (_, index) => `"f${index}":0.123456789`).join(',');
    const documents = Array.from({ length: 900 }, (_, index) => `{"text":"${index}",${fields}}`).join(',');
    return `{"query":"a","documents":[${documents}],"return_documents":true}`;
  }),
  worst('the tokens of 250,000 bytes', '/tokenize', () => `{"inputs":[${list(`"${'.,!?;:'.repeat(4000)}"`, 10)}]}`),
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
  return { name, path, body: () => asSent(Buffer.from(json())) };
}

function asSent(plain: Buffer): WorstBody {
  const zipped = gzipSync(plain);
  return zipped.length * MAX_RATIO >= plain.length ? { bytes: zipped, isGzipped: true } : { bytes: plain, isGzipped: false };
}

function list(item: string, count: number): string {
  return `${`${item},`.repeat(count - 1)}${item}`;
}

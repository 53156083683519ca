// Texts made to stop a worker: long runs of one class of characters. Others are served all the while, by the one worker there is.

import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Crossrank } from '../e2e/process.ts';
import { oracleModel } from '../helpers/oracle.ts';
import { ServerUnderAttack } from './server-under-attack.ts';

const UNITS = 300_000;
const NO_LIMITS = ['--max-queue-seconds', '3600', '--request-timeout', '60'];

const RUNS: Readonly<Record<string, string>> = {
  'combining marks': `a${'\u0301'.repeat(400_000)}${'\u0316'.repeat(400_000)}`,
  'capital I with a dot': '\u0130'.repeat(UNITS),
  'ligatures of 18 letters': '\ufdfa'.repeat(UNITS),
  sigmas: '\u03a3'.repeat(UNITS),
  'joined pictures': '\u{1f469}\u200d'.repeat(UNITS / 3),
  jamo: '\u1112\u1161\u11ab'.repeat(UNITS / 3),
  'one word': 'abcdefghij'.repeat(UNITS),
  spaces: ' '.repeat(UNITS),
  controls: '\u0001'.repeat(UNITS),
  'marks of direction': '\u202e\u200f'.repeat(UNITS / 2),
  ideographs: '\u4e2d'.repeat(UNITS),
  'ideographs above U+FFFF': '\u{20000}'.repeat(UNITS / 2),
};

const folder = mkdtempSync(join(tmpdir(), 'crossrank-hostile-texts-'));
after(() => rmSync(folder, { recursive: true }));

for (const [name, modelDirectory] of [
  ['WordPiece', undefined],
  ['BPE', oracleModel('modernbert')],
  ['Unigram', oracleModel('xlmr')],
] as const) {
  test(`${name}: long runs as documents and as queries leave the others alone`, async (t) => {
    const server = await ServerUnderAttack.start(t, NO_LIMITS, modelDirectory === undefined ? {} : { modelDirectory });
    for (const [run, text] of Object.entries(RUNS)) {
      const body = JSON.stringify({ query: 'what is it', documents: [text, 'a short one'] });
      const answer = await server.endure(() => server.postText('/rank', body));
      assert.equal(answer.status, 200, `${run}: ${answer.text.slice(0, 200)}`);
    }
    const query = JSON.stringify({
      query: 'some words \u0130'.repeat(80_000),
      documents: Array.from({ length: 40 }, (_, i) => `${i}`),
    });
    const asked = await server.endure(() => server.postText('/rank', query));
    assert.equal(asked.status, 200, asked.text.slice(0, 200));
  });
}

test('a client that leaves takes his hostile text with him', async (t) => {
  const server = await ServerUnderAttack.start(t, NO_LIMITS);
  const body = gzipSync(JSON.stringify({ query: 'q', documents: ['\u0130'.repeat(10_000_000)] }));
  await server.endure(async () => {
    const leaving = new AbortController();
    const answer = fetch(`${server.url}/rank`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
      body,
      signal: leaving.signal,
    });
    setImmediate(() => leaving.abort());
    await assert.rejects(answer, { name: 'AbortError' });
  });
});

test('a model whose pattern may never come back does not start', async (t) => {
  const modelDirectory = join(folder, 'backtracking');
  cpSync(oracleModel('bert'), modelDirectory, { recursive: true });
  const file = join(modelDirectory, 'tokenizer.json');
  const root = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  writeFileSync(
    file,
    JSON.stringify({ ...root, pre_tokenizer: { type: 'Split', pattern: { Regex: '(a+)+$' }, behavior: 'Isolated' } }),
  );
  const server = new Crossrank(t, ['serve', '--model-id', modelDirectory, '--port', '0', '--workers', '1']);
  const { code, stderr } = await server.finished;
  assert.notEqual(code, 0);
  assert.match(stderr, /tokenizer\.json: pre_tokenizer.*\(a\+\)\+\$/);
});

// `crossrank prepare` as a process: the copy, its check, the comparison with float32, and every way it can fail.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { oracleModel } from '../helpers/oracle.ts';
import { Crossrank, type Finished } from './process.ts';

const root = mkdtempSync(join(tmpdir(), 'crossrank-prepare-'));
after(() => rmSync(root, { recursive: true }));

const MODEL = oracleModel('bert');
const CACHE = join(root, 'cache');

const JUDGED = [
  {
    query: 'capital of Germany',
    documents: [{ text: 'Berlin is the capital.', relevance: 1 }, { text: 'pandas', relevance: 0 }, 'Paris'],
  },
  {
    query: 'pandas',
    candidates: [
      { text: 'the giant panda', rel: 1 },
      { text: 'a river', rel: 0 },
    ],
  },
];

function prepare(t: TestContext, args: readonly string[], cache = CACHE): Promise<Finished> {
  return new Crossrank(t, ['prepare', ...args, '--cache-dir', cache]).finished;
}

test('makes the copy, finds it again, verifies it, and makes a damaged one again', async (t) => {
  const first = await prepare(t, [MODEL, '--json']);
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stderr, /^crossrank: preparing the model for this machine, once .*\ncrossrank: prepared /);
  const report = JSON.parse(first.stdout);
  assert.deepEqual([report.dtype, report.packed, report.reused, report.damaged], ['float32', true, false, null]);
  const data = join(report.directory, 'model.onnx.data');
  const bytes = readFileSync(data);
  assert.ok(existsSync(join(report.directory, 'manifest.json')) && report.bytes > bytes.length);

  const second = await prepare(t, [MODEL, '--verify']);
  assert.equal(second.stderr, '');
  assert.match(second.stdout, /was there already[\s\S]*every byte is as written/);

  writeFileSync(data, Buffer.concat([bytes.subarray(0, -1), Buffer.of(bytes.at(-1)! ^ 1)]));
  const third = await prepare(t, [MODEL, '--verify']);
  assert.match(third.stdout, /damaged, made again: model\.onnx\.data/);
  assert.deepEqual(readFileSync(data), bytes);
});

test('--verify FILE compares with float32', async (t) => {
  const file = join(root, 'judged.jsonl.gz');
  writeFileSync(file, gzipSync(`${JUDGED.map((line) => JSON.stringify(line)).join('\n\n')}\n`));
  const { code, stdout, stderr } = await prepare(t, [MODEL, '--verify', file, '--json', '--quiet']);
  assert.equal(code, 0, stderr);
  const { fidelity } = JSON.parse(stdout);
  assert.deepEqual([fidelity.queries, fidelity.pairs, fidelity.kendall_tau, fidelity.top1_agreement], [2, 5, 1, 1]);
  assert.ok(fidelity.largest_score_change <= 1e-6);
  assert.equal(fidelity.mrr_at_10.queries, 2);
  assert.equal(fidelity.mrr_at_10.float32, fidelity.mrr_at_10.candidate);
  assert.equal(stderr, '');
});

test('int8: quantised, packed, other scores than float32 but near', async (t) => {
  const file = join(root, 'judged.jsonl');
  writeFileSync(file, JUDGED.map((line) => JSON.stringify(line)).join('\n'));
  const { code, stdout, stderr } = await prepare(t, [MODEL, '--dtype', 'int8', '--verify', file, '--json']);
  assert.equal(code, 0, stderr);
  const report = JSON.parse(stdout);
  assert.equal(report.dtype, 'int8');
  assert.ok(report.fidelity.largest_score_change > 0 && report.fidelity.largest_score_change < 0.1);
});

test('what is wrong with the file is told with its line', async (t) => {
  const cases: readonly (readonly [content: string, message: RegExp])[] = [
    ['{"query":"q","documents":["a"]}\n{"query":', /bad\.jsonl:2: /],
    ['{"query":"q"}', /bad\.jsonl:1: a line is \{"query"/],
    ['{"query":"q","documents":[]}', /bad\.jsonl:1: a line is/],
    ['{"query":"q","documents":[{"text":"a","relevance":"yes"}]}', /bad\.jsonl:1: a document is a text/],
    ['\n\n', /holds no query/],
  ];
  const file = join(root, 'bad.jsonl');
  for (const [content, message] of cases) {
    writeFileSync(file, content);
    const { code, stderr } = await prepare(t, [MODEL, '--verify', file, '--quiet']);
    assert.equal(code, 4, stderr);
    assert.match(stderr, message);
  }
});

test('failures have their exit codes', async (t) => {
  const file = join(root, 'a-file');
  writeFileSync(file, '');
  const cases: readonly (readonly [args: readonly string[], cache: string, code: number, message: RegExp])[] = [
    [[MODEL], join(file, 'cache'), 5, /^crossrank: the copy cannot be written: ENOTDIR/],
    [[join(root, 'nothing')], CACHE, 3, /no model directory/],
    [[MODEL, '--prepared', 'off'], CACHE, 2, /--prepared off leaves nothing to prepare/],
    [[MODEL, '--dtype', 'int4'], CACHE, 2, /--dtype must be one of float32, int8, got 'int4'/],
    [[oracleModel('nli-3label'), '--verify', file, '--quiet'], CACHE, 3, /gives 3 scores a pair/],
  ];
  for (const [args, cache, code, message] of cases) {
    const finished = await prepare(t, args, cache);
    assert.equal(finished.code, code, `${args.join(' ')}: ${finished.stderr}`);
    assert.match(finished.stderr, message);
  }
});

// `crossrank rank` as a process with a real model: its results, its exits, and what is left when it is stopped.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { EXIT_CODES } from '../../src/cli/exit-codes.ts';
import { CrossEncoder } from '../../src/cross-encoder.ts';
import { repoRoot } from '../helpers/paths.ts';
import { Crossrank, type CrossrankOptions } from './process.ts';

const MODEL = join(repoRoot, 'test/oracle/fixtures/models/bert');
const BASE = ['rank', '--model-id', MODEL, '--workers', '1'];
const directory = mkdtempSync(join(tmpdir(), 'crossrank-rank-'));
after(() => rmSync(directory, { recursive: true }));

const DOCUMENTS = ['the giant panda is a bear', 'Berlin has many people', '大熊猫是熊', 'hello', 'a river in the city'];
const QUERIES = ['what is a panda', 'how many people live in Berlin'];

test('results are those of the library, for several queries, in every form', async (t) => {
  const corpus = write('corpus.jsonl', DOCUMENTS.map((text) => `${JSON.stringify({ body: { text } })}\n`).join(''));
  const queries = write(
    'queries.jsonl',
    QUERIES.map((query, index) => `${JSON.stringify({ id: `q${index}`, query })}\n`).join(''),
  );
  const args = [...BASE, '--query-file', queries, corpus, '--text-field', 'body.text'];
  const [json, jsonl, table] = await Promise.all(
    [['--json'], ['--jsonl', '-k', '2', '--no-documents'], []].map((flags) => new Crossrank(t, [...args, ...flags]).finished),
  );
  const expected = await libraryRanks();
  assert.equal(json!.stderr, '');
  assert.deepEqual(
    JSON.parse(json!.stdout),
    QUERIES.map((query, index) => ({
      query_id: `q${index}`,
      query,
      results: expected[index]!.map(({ corpusId, score, text }) => ({
        corpus_id: corpusId,
        score,
        source: corpus,
        line: corpusId + 1,
        text,
      })),
    })),
  );
  assert.deepEqual(
    lines(jsonl!.stdout),
    expected.flatMap((ranked, index) =>
      ranked.slice(0, 2).map(({ corpusId, score }, position) => ({
        query_id: `q${index}`,
        rank: position + 1,
        corpus_id: corpusId,
        score,
        source: corpus,
        line: corpusId + 1,
      })),
    ),
  );
  const [title, best] = table!.stdout.split('\n');
  assert.equal(title, QUERIES[0]);
  assert.match(best!, /^1 {2}█+\S* +0\.\d{4} {2}\S*corpus\.jsonl:\d {2}\S/);
  assert.ok(!table!.stdout.includes('\u001b'), 'no colours off a terminal');
});

test('standard input, once for several queries too; scores in input order', async (t) => {
  const ask = async (flags: readonly string[]): Promise<Record<string, unknown>[]> => {
    const process = start(t, [...BASE, ...flags], { stdin: true });
    process.child.stdin!.end(`\ufeff${DOCUMENTS.join('\r\n\r\n')}`);
    const { code, stdout, stderr } = await process.finished;
    assert.deepEqual([code, stderr], [0, '']);
    return lines(stdout);
  };
  const expected = await libraryRanks();
  const twice = await ask(['-q', QUERIES[0]!, '-q', QUERIES[1]!, '--jsonl']);
  assert.deepEqual(
    twice.map(({ query_id, corpus_id, score }) => [query_id, corpus_id, score]),
    expected.flatMap((ranked, query) => ranked.map(({ corpusId, score }) => [query, corpusId, score])),
  );
  const unsorted = await ask(['-q', QUERIES[0]!, '--unsorted']);
  assert.deepEqual(
    unsorted.map(({ corpus_id, line }) => [corpus_id, line]),
    DOCUMENTS.map((_, index) => [index, 2 * index + 1]),
  );
  assert.deepEqual(
    unsorted.map(({ score }) => score),
    expected[0]!.toSorted((a, b) => a.corpusId - b.corpusId).map(({ score }) => score),
  );
});

test('every failure is one line and its exit code', async (t) => {
  const corpus = write('ok.txt', 'a\n');
  const cases: readonly (readonly [args: readonly string[], exit: keyof typeof EXIT_CODES, message: RegExp])[] = [
    [[corpus], 'usage', /no query/],
    [['-q', 'x', '--jsno', corpus], 'usage', /unknown option '--jsno' \(Did you mean --json\?\)/],
    [['-q', 'x', '-k', '0', corpus], 'usage', /at least 1/],
    [['-q', 'x', '--json', '--jsonl', corpus], 'usage', /cannot be used with/],
    [['-q', 'x', '--unsorted', '-k', '3', corpus], 'usage', /cannot be used with/],
    [['-q', 'x', '--resume', '-o', 'x.jsonl', corpus], 'usage', /add --top-k or --unsorted/],
    [['-q', 'x', '-o', corpus, corpus], 'usage', /is one of the inputs/],
    [['-q', 'x', '--prompt-name', 'nope', corpus], 'usage', /'nope' not found/],
    [['-q', 'x', '--max-chunks', '3', corpus], 'usage', /--max-chunks needs --long-documents chunk/],
    [['-q', 'x', '--truncation-side', 'up', corpus], 'usage', /left, right/],
    [['-q', 'x', '--long-documents', 'chunk', '--chunk-overlap', '400', corpus], 'usage', /cannot share 400 tokens/],
    [['-q', 'x', '--workers', '0', corpus], 'usage', /--workers must be/],
    [['-q', 'x', '--model-id', directory, corpus], 'model', /lacks config\.json/],
    [['-q', 'x', '--model-id', join(MODEL, '../nli-3label'), corpus], 'model', /3 scores a pair/],
    [['-q', 'x', join(directory, 'absent')], 'input', /no such file/],
    [['-q', 'x', directory], 'input', /is a directory/],
    [['-q', 'x', write('bad.jsonl', '"a"\n{\n')], 'input', /bad\.jsonl:2: invalid JSON.*--skip-invalid/],
    [['-q', 'x', corpus, '-o', join(directory, 'absent', 'x')], 'output', /cannot write/],
  ];
  for (const [args, exit, message] of cases) {
    const { code, stdout, stderr } = await start(t, [...BASE, ...args]).finished;
    assert.deepEqual([code, stdout], [EXIT_CODES[exit].code, ''], stderr);
    assert.match(stderr, /^crossrank: [^\n]*\n$/);
    assert.match(stderr, message);
  }
  assert.equal(readFileSync(corpus, 'utf8'), 'a\n');
});

test('documents longer than the model takes are told, unless --quiet', async (t) => {
  const corpus = write('long.txt', `short\n${'panda '.repeat(2000)}\n`);
  const told = await new Crossrank(t, [...BASE, '-q', 'panda', '--jsonl', corpus]).finished;
  assert.deepEqual([told.code, lines(told.stdout).length], [0, 2]);
  assert.equal(told.stderr, 'crossrank: 1 of 2 pairs were too long and were truncated\n');
  const quiet = await new Crossrank(t, [...BASE, '-q', 'panda', '--jsonl', '--quiet', corpus]).finished;
  assert.deepEqual([quiet.stdout, quiet.stderr], [told.stdout, '']);
});

test('long documents in chunks: the scores of the library, told, and another choice does not resume', async (t) => {
  const documents = ['short', `${'hello '.repeat(700)}the giant panda is a bear ${'river '.repeat(500)}`];
  const corpus = write('chunks.txt', `${documents.join('\n')}\n`);
  const output = join(directory, 'chunks.jsonl');
  const args = [...BASE, '-q', QUERIES[0]!, '-k', '2', '-o', output, '--resume', corpus];
  const chunked = await new Crossrank(t, [...args, '--long-documents', 'chunk', '--chunk-overlap', '50']).finished;
  assert.equal(chunked.code, 0);
  assert.match(chunked.stderr, /^crossrank: 1 of 2 pairs were scored in chunks, \d+ in all\n$/);
  const model = await CrossEncoder.load(MODEL, { workers: 1 });
  t.after(() => model.close());
  const expected = await model.rank(QUERIES[0]!, documents, { longDocuments: 'chunk', chunkOverlap: 50 });
  assert.deepEqual(
    lines(readFileSync(output, 'utf8')).map(({ corpus_id, score }) => [corpus_id, score]),
    expected.map(({ corpusId, score }) => [corpusId, score]),
  );
  const other = await new Crossrank(t, args).finished;
  assert.deepEqual([other.code, /--long-documents chunk \(now none\)/.test(other.stderr)], [5, true], other.stderr);
});

test('empty input and invalid lines that are passed over are told, and are no failure', async (t) => {
  const empty = await start(t, [...BASE, '-q', 'x', '--json']).finished;
  assert.deepEqual([empty.code, empty.stderr], [0, 'crossrank: warning: no documents in the input\n']);
  assert.deepEqual(JSON.parse(empty.stdout), []);
  const skipping = await start(t, [...BASE, '-q', 'x', '-q', 'y', '--skip-invalid', '--json', write('some.jsonl', '"a"\n{\n7\n')])
    .finished;
  assert.deepEqual([skipping.code, skipping.stderr], [0, 'crossrank: warning: 2 invalid line(s) were passed over\n']);
});

for (const [signal, code, flags] of [
  ['SIGINT', 130, ['--top-k', '50']],
  ['SIGTERM', 143, ['--unsorted']],
  ['SIGKILL', null, ['--unsorted']],
  ['SIGKILL', null, ['--top-k', '50', '--json']],
] as const) {
  test(`${signal} and --resume: the same bytes as without interruption (${flags.join(' ')})`, async (t) => {
    const whole = join(directory, `${signal}${flags[0]}-whole.jsonl`);
    const output = join(directory, `${signal}${flags[0]}.jsonl`);
    const args = [...BASE, '-q', QUERIES[0]!, ...flags, '-o'];
    assert.equal((await feed(t, [...args, whole], NUMBERED, true).finished).code, 0);
    assert.equal(existsSync(`${whole}.state`), false);
    const first = feed(t, [...args, output], NUMBERED, false); // its input never ends: it cannot finish
    await fileExists(`${output}.state`, first);
    first.child.kill(signal);
    assert.equal((await first.finished).code, code);
    const forgetful = await start(t, [...args, output]).finished;
    assert.deepEqual([forgetful.code, /add --resume/.test(forgetful.stderr)], [5, true]);
    if (flags[0] === '--unsorted') appendFileSync(output, '{"corpus_id":'); // half a line
    const second = await feed(t, [...args, output, '--resume'], NUMBERED, true).finished;
    assert.deepEqual(
      [second.code, /resuming: \d+ documents of the next query done before/.test(second.stderr)],
      [0, true],
      second.stderr,
    );
    assert.ok(readFileSync(output).equals(readFileSync(whole)));
    const again = await start(t, [...args, output, '--resume']).finished;
    assert.deepEqual([again.code, /is finished; nothing to do/.test(again.stderr)], [0, true], again.stderr);
  });
}

test('resuming with other parameters or another input is refused, and nothing is lost', async (t) => {
  const output = join(directory, 'refused.jsonl');
  const args = [...BASE, '-q', QUERIES[0]!, '--unsorted', '-o', output];
  const first = feed(t, args, NUMBERED, false);
  await fileExists(`${output}.state`, first);
  first.child.kill('SIGKILL');
  await first.finished;
  const before = readFileSync(output);
  const other = await start(t, [...args, '--resume', '--max-length', '16']).finished;
  assert.deepEqual([other.code, /begun with --max-length 512 \(now 16\)/.test(other.stderr)], [5, true], other.stderr);
  assert.ok(readFileSync(output).equals(before));
  const changed = feed(t, [...args, '--resume'], ['changed', ...NUMBERED.slice(1)], true);
  const { code, stderr } = await changed.finished;
  assert.deepEqual([code, /not those of the interrupted run/.test(stderr)], [5, true], stderr);
});

test('a reader of standard output that leaves is no failure', async (t) => {
  const process = feed(t, [...BASE, '-q', 'x', '--unsorted'], NUMBERED, false);
  await once(process.child.stdout!, 'data');
  process.child.stdout!.destroy();
  process.child.stdin!.end(`${NUMBERED.join('\n')}\n`);
  const { code, stderr } = await process.finished;
  assert.deepEqual([code, stderr], [0, '']);
});

test('200,000 lines with --top-k in a heap that cannot hold them', async (t) => {
  const padding = 'and some more text that makes the line long enough to fill the heap when lines are kept '.repeat(4);
  const corpus = write(
    'large.txt',
    Array.from({ length: 200_000 }, (_, index) => `document ${index % 50} ${padding}\n`).join(''),
  );
  const args = [...BASE, '-q', QUERIES[0]!, '--max-length', '12', '--jsonl', corpus];
  const nodeFlags = ['--max-old-space-size=64'];
  const { code, stdout, stderr } = await start(t, [...args, '--top-k', '5', '--quiet'], { nodeFlags }).finished;
  assert.deepEqual([code, stderr], [0, '']);
  assert.equal(lines(stdout).length, 5);
});

test('info says what the files say', async (t) => {
  const { code, stdout } = await start(t, ['info', MODEL, '--json', '--workers', '2']).finished;
  assert.equal(code, 0);
  const info = JSON.parse(stdout);
  assert.deepEqual(
    [info.name, info.activation, info.max_length, info.tokenizer, info.workers],
    ['bert', 'sigmoid', 512, 'WordPiece', 2],
  );
  assert.match(info.onnx_file, /bert\/model\.onnx$/);
  const text = await start(t, ['info', MODEL]).finished;
  assert.match(text.stdout, /^name +bert\n[\s\S]*max length +512 tokens \(.+\)\n[\s\S]*tokenizer +WordPiece\n/);
  assert.equal((await start(t, ['info', directory]).finished).code, EXIT_CODES.model.code);
});

test('completion prints a script the shell takes; another shell is a usage error', async (t) => {
  const { code, stdout } = await start(t, ['completion', 'bash']).finished;
  assert.equal(code, 0);
  assert.equal(spawnSync('bash', ['-n'], { input: stdout }).status, 0);
  assert.equal((await start(t, ['completion', 'tcsh']).finished).code, EXIT_CODES.usage.code);
});

/** More than the windows that are read ahead, so that the first are done while the input is still open. */
const NUMBERED = Array.from({ length: 6 * 1024 }, (_, index) => `document ${index} about pandas`);

function start(test: TestContext, args: readonly string[], options: CrossrankOptions = {}): Crossrank {
  return new Crossrank(test, args, options);
}

/** A process whose standard input gets these lines, and ends or stays open. */
function feed(test: TestContext, args: readonly string[], input: readonly string[], ends: boolean): Crossrank {
  const process = start(test, args, { stdin: true });
  process.child.stdin!.write(`${input.join('\n')}\n`);
  if (ends) process.child.stdin!.end();
  return process;
}

/** @throws Error when the process ends, or 60 s pass, before the file is there */
async function fileExists(path: string, { child }: Crossrank): Promise<void> {
  const giveUpMs = performance.now() + 60_000;
  while (!existsSync(path)) {
    if (performance.now() > giveUpMs || child.exitCode !== null) throw new Error(`no ${path}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function libraryRanks() {
  const model = await CrossEncoder.load(MODEL, { workers: 1 });
  try {
    return await Promise.all(QUERIES.map((query) => model.rank(query, DOCUMENTS, { returnDocuments: true })));
  } finally {
    await model.close();
  }
}

function lines(stdout: string): Record<string, unknown>[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

function write(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

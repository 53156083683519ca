import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { CommandError } from '../../../src/cli/exit-codes.ts';
import { type DocumentOptions, readDocuments, type SourceDocument } from '../../../src/cli/rank/documents.ts';
import { formatOf, textOfJson } from '../../../src/cli/rank/formats.ts';
import { LineSplitter } from '../../../src/cli/rank/lines.ts';
import { readQueries } from '../../../src/cli/rank/queries.ts';
import { findSources } from '../../../src/cli/rank/sources.ts';
import { cutWindows, type Window } from '../../../src/cli/rank/windows.ts';

const directory = mkdtempSync(join(tmpdir(), 'crossrank-input-'));
after(() => rmSync(directory, { recursive: true }));
const open = { signal: new AbortController().signal };

test('lines are the same however the bytes are cut', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'é', '熊', '\n', '\r\n', ' ') });
  fc.assert(
    fc.property(text, fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1 }), (content, sizes) => {
      const bytes = Buffer.from(content);
      const splitter = new LineSplitter();
      const lines: string[] = [];
      for (let at = 0, i = 0; at < bytes.length; i += 1) {
        const size = sizes[i % sizes.length]!;
        lines.push(...splitter.push(bytes.subarray(at, at + size)).map((line) => String(line.bytes)));
        at += size;
      }
      lines.push(...splitter.end().map((line) => String(line.bytes)));
      const expected = content.split(/\r?\n/);
      if (expected.at(-1) === '') expected.pop();
      assert.deepEqual(lines, expected);
    }),
  );
});

test('a line over the limit is null, is not kept, and the next line is whole', () => {
  const splitter = new LineSplitter(4);
  const lines = ['ab', 'cde', 'f\nok\nlast!'].flatMap((piece) => splitter.push(Buffer.from(piece)));
  assert.deepEqual(
    [...lines, ...splitter.end()].map(({ number, bytes }) => [number, bytes && String(bytes)]),
    [
      [1, null],
      [2, 'ok'],
      [3, null],
    ],
  );
});

test('the format comes from the extension, .gz looked through', () => {
  const formats = ['a.txt', 'a.jsonl', 'a.NDJSON.gz', 'b.csv', 'b.tsv.gz', 'jsonl', '-', 'a.gz'].map(formatOf);
  assert.deepEqual(formats, ['lines', 'jsonl', 'jsonl', 'csv', 'tsv', 'lines', 'lines', 'lines']);
});

test('the text of a JSON document: string, field, dotted path, a field with dots in its own name', () => {
  assert.equal(textOfJson('plain', 'text'), 'plain');
  assert.equal(textOfJson({ a: { b: { c: 'deep' } } }, 'a.b.c'), 'deep');
  assert.equal(textOfJson({ 'a.b': 'own', a: { b: 'nested' } }, 'a.b'), 'own');
  for (const [value, message] of [
    [7, /not a number/],
    [null, /not null/],
    [{ title: 1 }, /no field 'text' \(it has title\)/],
    [{ text: ['x'] }, /not a string but an array/],
  ] as const) {
    assert.throws(() => textOfJson(value, 'text'), { name: 'InvalidRecord', message });
  }
});

test('lines: numbering counts blank lines, CRLF, byte order mark, no last newline', async () => {
  const documents = await read('a.txt', '\ufefffirst\r\n\r\n  \nthird \nlast');
  assert.deepEqual(
    documents.map(({ corpusId, line, text }) => [corpusId, line, text]),
    [
      [0, 1, 'first'],
      [1, 4, 'third '],
      [2, 5, 'last'],
    ],
  );
});

test('gzip is known by its bytes, several members included; corpus ids run on over files', async () => {
  const zipped = write('plain-name.txt', Buffer.concat([gzipSync('a\nb'), gzipSync('c\nd\n')]));
  const documents = await readAll([zipped, write('more.jsonl.gz', gzipSync('"e"\n{"text":"f"}'))]);
  assert.deepEqual(
    documents.map(({ corpusId, text }) => `${corpusId}${text}`),
    ['0a', '1bc', '2d', '3e', '4f'],
  );
});

test('CSV: header name, position, quotes, line breaks inside, the line a record begins on', async () => {
  const csv = 'id,text\r\n1,"two\r\nlines, ""quoted"""\r\n\r\n2,plain\r\n3,\r\n4,end';
  const expected = [
    [2, 'two\r\nlines, "quoted"'],
    [5, 'plain'],
    [7, 'end'],
  ];
  assert.deepEqual(await linesOf('a.csv', csv), expected);
  assert.deepEqual(await linesOf('a.csv', csv, { column: 'text' }), expected);
  assert.deepEqual(await linesOf('a.csv', csv, { column: '2' }), expected);
  assert.deepEqual(await linesOf('mixed.csv', csv.replaceAll(/\r\n(?!lines)/g, '\n')), expected);
  assert.deepEqual(
    await linesOf('unix.csv', csv.replaceAll('\r', '')),
    expected.map(([line, text]) => [line, String(text).replace('\r', '')]),
  );
  assert.deepEqual(await linesOf('b.csv', 'x,1\ny,2\n', { header: false }), [
    [1, 'x'],
    [2, 'y'],
  ]);
  assert.deepEqual(await linesOf('one.csv', 'title\nx\n'), [[2, 'x']]);
});

test('TSV has no quotes', async () => {
  assert.deepEqual(await linesOf('a.tsv', '1\tsay "hi"\n2\t"open\n', { header: false, column: '2' }), [
    [1, 'say "hi"'],
    [2, '"open'],
  ]);
});

test('what cannot be read is told with file and line', async () => {
  const cases: readonly (readonly [string, string | Buffer, RegExp])[] = [
    ['bad.jsonl', '"ok"\n{"text":\n', /bad\.jsonl:2: invalid JSON/],
    ['bad.txt', Buffer.from([0x61, 0x0a, 0xff, 0x0a]), /bad\.txt:2: not valid UTF-8/],
    ['bad.csv', Buffer.from([0x61, 0x0a, 0xff, 0x0a]), /bad\.csv:2: not valid UTF-8/],
    ['short.csv', 'id,text\n1\n', /short\.csv:2: no column 2, the record has 1/],
    ['columns.csv', 'id,title\n1,x\n', /columns\.csv:1: no column 'text'.*columns: id, title/],
    ['open.csv', 'text\n"x\ny\n', /open\.csv:\d+: a quote is not closed/],
    ['binary.txt', Buffer.from([0x7f, 0x45, 0x00, 0x01]), /binary\.txt is not text/],
    ['cut.txt', gzipSync('hello hello hello').subarray(0, 20), /cut\.txt: the gzip data ends too early/],
  ];
  for (const [name, content, message] of cases)
    await assert.rejects(read(name, content), { name: 'CommandError', exit: 'input', message }, name);
});

test('invalid lines can be passed over and counted', async () => {
  const messages: string[] = [];
  const documents = await read('some.jsonl', '"a"\nno\n{"x":1}\n"b"', { onInvalid: (message) => messages.push(message) });
  assert.deepEqual(
    documents.map(({ text }) => text),
    ['a', 'b'],
  );
  assert.equal(messages.length, 2);
});

test('missing files, directories and a doubled standard input are told before anything is read', async () => {
  await assert.rejects(findSources([join(directory, 'absent')], null), /cannot read .*absent: no such file/);
  await assert.rejects(findSources([directory], null), /is a directory/);
  await assert.rejects(findSources(['-', '-'], null), /named twice/);
});

test('queries: lines or JSONL with ids', async () => {
  const [lines] = await findSources([write('q.txt', 'first\n\nsecond')], null);
  assert.deepEqual(await readQueries(lines!, open), [
    { id: 0, text: 'first' },
    { id: 1, text: 'second' },
  ]);
  const [json] = await findSources([write('q.jsonl', '{"id":"x","query":"first"}\n"second"\n{"query":"third","id":9}')], null);
  assert.deepEqual(await readQueries(json!, open), [
    { id: 'x', text: 'first' },
    { id: 1, text: 'second' },
    { id: 9, text: 'third' },
  ]);
  const [bad] = await findSources([write('bad-q.jsonl', '"ok"\n{"text":"x"}')], null);
  await assert.rejects(readQueries(bad!, open), /bad-q\.jsonl:2: a query is/);
  const [empty] = await findSources([write('empty.txt', '\n')], null);
  await assert.rejects(readQueries(empty!, open), /holds no query/);
});

test('windows depend on the documents alone, and their digest on every text before', async () => {
  const texts = Array.from({ length: 10 }, (_, index) => 'x'.repeat(index));
  const limits = { documents: 4, characters: 20 };
  const whole = await windowsOf([texts], limits);
  assert.deepEqual(
    whole.map(({ documents }) => documents.length),
    [4, 4, 2],
  );
  assert.deepEqual(
    whole.map(({ weight }) => weight),
    [1, 1, 0.85],
  );
  assert.deepEqual(await windowsOf([texts.slice(0, 3), [], texts.slice(3)], limits), whole);
  const changed = await windowsOf([['changed', ...texts.slice(1)]], limits);
  assert.ok(changed.every(({ digest }, index) => digest !== whole[index]!.digest));
});

function write(name: string, content: string | Buffer): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

function read(name: string, content: string | Buffer, options: Partial<DocumentOptions> = {}): Promise<SourceDocument[]> {
  return readAll([write(name, content)], options);
}

async function readAll(paths: readonly string[], options: Partial<DocumentOptions> = {}): Promise<SourceDocument[]> {
  const onInvalid = (message: string): never => {
    throw new CommandError('input', message);
  };
  const settings = { format: null, textField: 'text', column: null, header: true, onInvalid, ...options };
  const documents: SourceDocument[] = [];
  for await (const group of readDocuments(await findSources(paths, null), settings, open)) documents.push(...group);
  return documents;
}

async function linesOf(name: string, content: string, options: Partial<DocumentOptions> = {}): Promise<unknown[]> {
  return (await read(name, content, options)).map(({ line, text }) => [line, text]);
}

async function windowsOf(
  groups: readonly (readonly string[])[],
  limits: { documents: number; characters: number },
): Promise<Window[]> {
  async function* documents(): AsyncGenerator<SourceDocument[]> {
    let corpusId = 0;
    for (const group of groups) yield group.map((text) => ({ corpusId, source: 's', line: ++corpusId, text }));
  }
  const windows: Window[] = [];
  for await (const window of cutWindows(documents(), limits)) windows.push(window);
  return windows;
}

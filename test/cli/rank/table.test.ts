import assert from 'node:assert/strict';
import { test } from 'node:test';
import stringWidth from 'string-width';
import { createRenderer } from '../../../src/cli/rank/render.ts';
import { startOf, tableLines } from '../../../src/cli/rank/table.ts';
import type { RankedEntry } from '../../../src/cli/rank/top-k.ts';

const LONG = 'The giant panda is a bear native to the mountains of south central China, and it eats bamboo all day';

test('a line an entry: rank, bar, score, place, text', () => {
  const lines = tableLines([entry(0, 1, 'best'), entry(11, 0.4, 'half'), entry(2, 0, 'none')], { width: 80, colour: false });
  assert.deepEqual(lines, [
    '1  ██████████  1.0000  a.txt:1   best',
    '2  ████        0.4000  a.txt:12  half',
    '3              0.0000  a.txt:3   none',
  ]);
});

test('no line is wider than the terminal, wide characters counted as two', () => {
  const entries = [
    entry(0, 0.9, 'x'.repeat(300)),
    entry(3, 0.85, LONG.repeat(3)),
    entry(1, 0.8, '大熊猫是中国特有的熊类动物'.repeat(9)),
    entry(2, 0.1, '👩‍👩‍👧‍👦🐼'.repeat(60)),
  ];
  for (const width of [60, 61, 80, 133]) {
    const lines = tableLines(entries, { width, colour: false });
    assert.ok(
      lines.every((line) => stringWidth(line) <= width && line.endsWith('…')),
      lines.join('\n'),
    );
    assert.ok(lines.some((line) => stringWidth(line) === width));
  }
});

test('cutting keeps what fits and never half a character', () => {
  assert.equal(startOf('abcdef', 6), 'abcdef');
  assert.equal(startOf('abcdef', 5), 'abcd…');
  assert.equal(startOf('熊猫熊', 5), '熊猫…');
  assert.equal(startOf('熊猫熊', 4), '熊…');
});

test('raw logits fill bars from the lowest to the highest', () => {
  const bars = tableLines([entry(0, 8, ''), entry(1, -2, '')], { width: 80, colour: false }).map(
    (line) => (line.match(/█/g) ?? []).length,
  );
  assert.deepEqual(bars, [10, 0]);
});

test('a document cannot steer the terminal', () => {
  const hostile = 'a\u001b[31mb\r\nc\u202ed\u0007\ttab';
  const [line] = tableLines([{ ...entry(0, 0.5, hostile), source: 'x\u001b[2J' }], { width: 80, colour: false });
  assert.match(line!, /x\[2J:1 {2}a\[31mb cd tab$/);
});

test('colours only when wanted', () => {
  assert.ok(tableLines([entry(0, 0.5, 'x')], { width: 80, colour: true })[0]!.includes('\u001b[32m'));
  assert.ok(!tableLines([entry(0, 0.5, 'x')], { width: 80, colour: false })[0]!.includes('\u001b'));
});

test('JSON of many results is one valid document, in pieces', () => {
  const renderer = createRenderer('json', true, { width: 80, colour: false });
  const entries = Array.from({ length: 2500 }, (_, index) => entry(index, 0.5, `document ${index}`));
  const first = [...renderer.ranking({ id: 'q', text: 'one', number: 0 }, entries)];
  const second = [...renderer.ranking({ id: 1, text: 'two', number: 1 }, [])];
  assert.ok(first.length > 3);
  const parsed = JSON.parse([renderer.begin(), ...first, ...second, renderer.end()].join(''));
  assert.deepEqual(
    parsed.map((group: { query_id: unknown; results: unknown[] }) => [group.query_id, group.results.length]),
    [
      ['q', 2500],
      [1, 0],
    ],
  );
  assert.deepEqual(parsed[0].results[2499], { corpus_id: 2499, score: 0.5, source: 'a.txt', line: 2500, text: 'document 2499' });
});

test('JSONL names the query only with several, and the rank only when sorted', () => {
  const query = { id: 'q', text: 'one', number: 0 };
  const entries = [{ ...entry(7, 0.5, 'x'), text: null }];
  const style = { width: 80, colour: false };
  assert.equal(
    [...createRenderer('jsonl', false, style).ranking(query, entries)].join(''),
    '{"rank":1,"corpus_id":7,"score":0.5,"source":"a.txt","line":8}\n',
  );
  assert.equal(
    createRenderer('jsonl', true, style).rows(query, entries),
    '{"query_id":"q","corpus_id":7,"score":0.5,"source":"a.txt","line":8}\n',
  );
});

function entry(corpusId: number, score: number, text: string): RankedEntry {
  return { corpusId, score, source: 'a.txt', line: corpusId + 1, text };
}

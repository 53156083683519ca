// Long texts: bounded pieces and chunks give the ids of the whole text.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { loadTokenizer } from '../../../workers/tokenizer/load.ts';
import { oracleFamilies } from '../../helpers/oracle.ts';
import { encoderSpec, PIECES } from './fixtures.ts';

const FAMILIES = [
  'bert',
  'bert-cased-zh',
  'albert',
  'mpnet',
  'roberta',
  'xlmr',
  'deberta-v2',
  'modernbert',
  'pair-template',
].filter((family) => oracleFamilies().includes(family));
const FRAGMENTS = [
  'The quick brown fox',
  ' jumps over ',
  '超长的中文',
  '，没有空格。',
  '中',
  'e\u0301',
  ' \u0301x',
  '\n\n',
  '   ',
  '\t',
  'กรุงเทพ',
  'ำ',
  'العربية',
  'ٱ\u064e',
  '한국어',
  '\u1112\u1161\u11ab',
  '🙂',
  '👩‍👩‍👧',
  "don't I'LL",
  '1234567',
  '[SEP]',
  ' </s> ',
  '<mask>',
  '<|im_end|>',
  '##ing',
  '▁',
  '\u200d',
  '\u00ad',
  'ﬁ½',
  'İSTANBUL ΣΑΣ',
  '\r\n',
  '—',
  '...',
  'x',
  '\u0301\u0316\u0345'.repeat(40),
  'a\u200d'.repeat(9),
  '\u1161'.repeat(70),
  '\ufdfa',
  '\u0130'.repeat(30),
  '\u{1f1e6}\u{1f1e8}\u{1f3fb}',
  '\u0600\u0601',
  '\ud800',
  '\u{1d165}\u{1d16d}',
  '\uff9e\uffc2',
  'word'.repeat(40),
  ' '.repeat(40),
  "'",
  "'s'",
];

/** A deterministic pseudo-random text of fragments. */
function randomText(seed: number, count: number): string {
  let state = seed;
  let text = '';
  for (let i = 0; i < count; i += 1) {
    state = (state * 1103515245 + 12345) % 2147483648;
    text += FRAGMENTS[(state >> 8) % FRAGMENTS.length];
  }
  return text;
}

for (const family of FAMILIES) {
  describe(family, () => {
    const spec = encoderSpec(family);
    const inPieces = loadTokenizer(spec, { pieces: PIECES.smallest }).text;
    const whole = loadTokenizer(spec, { pieces: PIECES.whole }).text;

    test('any number of first or last ids equals those of the whole text', () => {
      for (let seed = 1; seed <= 60; seed += 1) {
        const text = randomText(seed, 40 + seed);
        const ids = whole.encode(text, Number.POSITIVE_INFINITY);
        for (const limit of [1, 2, 3, 7, 30, 100]) {
          assert.deepEqual(inPieces.encode(text, limit), ids.slice(0, limit), `seed ${seed}, first ${limit}`);
          assert.deepEqual(inPieces.encode(text, limit, 'left'), ids.slice(-limit), `seed ${seed}, last ${limit}`);
        }
      }
    });

    for (const units of [1, 5, 64]) {
      test(`in chunks of ${units} units they are those of the whole text, too`, () => {
        const inChunks = loadTokenizer(spec, { pieces: PIECES.chunks(units) }).text;
        for (let seed = 101; seed <= 140; seed += 1) {
          const text = randomText(seed, 30 + seed);
          const ids = whole.encode(text, Number.POSITIVE_INFINITY);
          for (const limit of [1, 30, Number.POSITIVE_INFINITY]) {
            const where = `seed ${seed}, ${limit} ids`;
            assert.deepEqual(inChunks.encode(text, limit), ids.slice(0, limit), where);
            assert.deepEqual(inChunks.encode(text, limit, 'left'), ids.slice(-limit), where);
          }
        }
      });
    }

    test('the first ids of 200 KB are those of the whole', () => {
      const texts = [
        'a'.repeat(200_000),
        'abcdefghij'.repeat(20_000),
        '超长的中文文档没有任何空格'.repeat(5200),
        'e\u0301'.repeat(66_000),
        '!?'.repeat(100_000),
      ];
      texts.push(' '.repeat(200_000), randomText(99, 30_000), 'กรุงเทพมหานคร'.repeat(5000), '👩‍👩‍👧‍👦'.repeat(8000));
      for (const text of texts) {
        const ids = whole.encode(text, Number.POSITIVE_INFINITY);
        assert.deepEqual(inPieces.encode(text, 511), ids.slice(0, 511), text.slice(0, 12));
      }
    });
  });
}

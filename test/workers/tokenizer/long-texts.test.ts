// Long texts: bounded pieces give the ids of the whole text, in bounded time.

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

    test('the first ids of 200 KB are those of the whole, and take no seconds', () => {
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
        const start = performance.now();
        assert.deepEqual(inPieces.encode(text, 511), ids.slice(0, 511));
        const tookMs = performance.now() - start;
        assert.ok(tookMs < 1500, `${text.slice(0, 12)}: ${Math.round(tookMs)} ms`);
      }
    });
  });
}

// Whatever the text, the flag is looked at after a bounded amount of work, native code gets bounded pieces, and a true flag ends it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { tokenizeText } from '../../../workers/text-tokens.ts';
import { type LoadedTokenizer, loadTokenizer } from '../../../workers/tokenizer/load.ts';
import { NotWanted, UNITS_BETWEEN_LOOKS, Work } from '../../../workers/tokenizer/work.ts';
import { encoderSpec } from './fixtures.ts';

const UNITS = 70_000;
const FAMILIES = ['bert', 'albert', 'xlmr', 'modernbert', 'pair-template'];
/** Those whose tokens with places are made, which takes longer. */
const SHOWN = ['bert', 'xlmr'];
const EVERYTHING = Number.POSITIVE_INFINITY;

/** Long runs of one class of characters, over all of Unicode. */
const RUNS: Readonly<Record<string, string>> = {
  letters: 'a',
  spaces: ' ',
  marks: '\u0301\u0316',
  'capital I with a dot': '\u0130',
  'a ligature of 18 letters': '\ufdfa',
  sigmas: '\u03a3',
  pictures: '\u{1f469}\u200d',
  joiners: 'a\u200d',
  jamo: '\u1112\u1161\u11ab',
  vowels: '\u1161',
  'lone surrogates': '\ud800',
  controls: '\u0001',
  'marks of direction': '\u202e\u200f',
  ideographs: '\u4e2d',
  'ideographs above U+FFFF': '\u{20000}',
  'unknown pictures': '\u{1f9ff}',
  'prepended signs': '\u0600',
  'spacing marks': '\u0915\u0903',
  punctuation: '!',
  apostrophes: "'s",
  'no-break spaces': '\u00a0',
  'new lines': '\n',
  digits: '7',
  'an added token': '[MASK]<mask>',
};

const textOf = (run: string, units = UNITS): string => run.repeat(Math.ceil(units / run.length));

/** Looks made while something runs to its end. */
function looksOf(run: (work: Work) => void): number {
  let looks = 0;
  run(
    new Work(() => {
      looks += 1;
      return false;
    }),
  );
  return looks;
}

/** Whether a flag that turns true at the given look ends the work at once. */
function endsAt(look: number, run: (work: Work) => void): boolean {
  let looks = 0;
  const work = new Work(() => {
    looks += 1;
    return looks >= look;
  });
  assert.throws(() => run(work), NotWanted);
  return looks === look;
}

function ways({ text, ...tokenizer }: LoadedTokenizer, value: string, isShown: boolean): Record<string, (work: Work) => void> {
  return {
    all: (work) => void text.encode(value, EVERYTHING, 'right', work),
    last: (work) => void text.encode(value, 512, 'left', work),
    ...(isShown && { shown: (work: Work) => void tokenizeText({ text, ...tokenizer }, value, false, work) }),
  };
}

for (const family of FAMILIES) {
  describe(family, () => {
    const tokenizer = loadTokenizer(encoderSpec(family));
    for (const [name, run] of Object.entries(RUNS)) {
      test(`${name}: a look every ${UNITS_BETWEEN_LOOKS} units, the last one ends it`, () => {
        for (const [way, encode] of Object.entries(ways(tokenizer, textOf(run), SHOWN.includes(family)))) {
          const looks = looksOf(encode);
          if (way === 'last' && looks === 0) continue; // cut off at the end: no more was read
          assert.ok(looks >= Math.floor(UNITS / UNITS_BETWEEN_LOOKS), `${way}: ${looks} looks`);
          assert.ok(endsAt(1, encode), way);
          assert.ok(endsAt(looks, encode), way);
        }
      });
    }

    test('native calls that go over a text get bounded pieces of it', (t) => {
      const largest = { normalize: 0, replace: 0, toLowerCase: 0 };
      for (const name of ['normalize', 'replace', 'toLowerCase'] as const) {
        const original = String.prototype[name] as (...args: unknown[]) => string;
        t.mock.method(String.prototype, name, function (this: string, ...args: unknown[]) {
          largest[name] = Math.max(largest[name], this.length);
          return original.apply(this, args);
        });
      }
      for (const run of Object.values(RUNS)) tokenizer.text.encode(textOf(run), EVERYTHING);
      for (const [name, units] of Object.entries(largest)) assert.ok(units <= UNITS_BETWEEN_LOOKS, `${name}: ${units} units`);
    });

    test('of a text with words no more is read than the wanted ids need', () => {
      const looks = looksOf((work) => void tokenizer.text.encode(textOf('some words, ', 30_000_000), 512, 'right', work));
      assert.ok(looks <= 1, `${looks} looks`);
    });
  });
}

for (const [family, names] of Object.entries({
  xlmr: ['letters', 'a ligature of 18 letters', 'joiners'],
  roberta: ['letters', 'marks', 'capital I with a dot', 'a ligature of 18 letters', 'jamo'],
  bert: ['ideographs', 'punctuation'],
})) {
  test(`${family} reads only the beginning of a long text without a place to cut it`, () => {
    const { text } = loadTokenizer(encoderSpec(family));
    for (const name of names) {
      const encode = (units: number) => (work: Work) => void text.encode(textOf(RUNS[name]!, units), 512, 'right', work);
      assert.equal(looksOf(encode(4_000_000)), looksOf(encode(2_000_000)), name);
    }
  });
}

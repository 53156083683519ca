// Normalisation in bounded pieces: the same text as String.prototype.normalize, which never gets a long run of marks.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { longRunForm } from '../../../workers/tokenizer/canonical-order.ts';
import { LONGEST_RUN, lastFreshStart, NATIVE_UNITS, normalForm } from '../../../workers/tokenizer/normal-forms.ts';
import { charFlags, FLAG_JOINS, INERT, isInert, type NormalForm } from '../../../workers/tokenizer/unicode.ts';
import { UNENDING } from '../../../workers/tokenizer/work.ts';

const FORMS: readonly NormalForm[] = ['NFC', 'NFD', 'NFKC', 'NFKD'];
const native = String.prototype.normalize;

/** What the reference gives: characters its tables do not know separate their neighbours. */
function expected(text: string, form: NormalForm): string {
  return text
    .split(INERT)
    .map((part, index) => (index % 2 === 0 ? native.call(part, form) : part))
    .join('');
}

const isScalar = (code: number): boolean => code < 0xd800 || code > 0xdfff;
const everyCode = Array.from(charFlags.keys()).filter(isScalar);
const joining = everyCode.filter((code) => (charFlags[code]! & FLAG_JOINS) !== 0).map((code) => String.fromCodePoint(code));
const LATIN_MARKS = Array.from({ length: 0x70 }, (_, i) => String.fromCharCode(0x300 + i));
const STARTERS = ['a', 'e', 'A', '\u00e9', '\u1100', '\uac00', '\u0915', '\u3046', '\ufdfa', '\u{1d157}', '\u1e9b'];

const markedText = fc
  .array(
    fc.oneof(
      { weight: 5, arbitrary: fc.constantFrom(...LATIN_MARKS) },
      { weight: 4, arbitrary: fc.constantFrom(...joining) },
      { weight: 1, arbitrary: fc.constantFrom(...STARTERS) },
    ),
    { maxLength: 200 },
  )
  .map((parts) => parts.join(''));

for (const form of FORMS) {
  test(`${form} of texts heavy in marks`, () => {
    fc.assert(
      fc.property(markedText, (text) => {
        assert.equal(normalForm(text, form), expected(text, form));
        assert.equal(longRunForm(text, form, UNENDING), expected(text, form), 'as one long run');
      }),
      { seed: 15, numRuns: 1500 },
    );
  });

  test(`${form}: whatever may join is known to`, () => {
    const befores = ['a\u0323', '\u1100', '\u0301'];
    const wrong = everyCode.filter((code) => {
      if ((charFlags[code]! & FLAG_JOINS) !== 0 || isInert(code)) return false;
      const char = String.fromCodePoint(code);
      return befores.some((before) => native.call(before + char, form) !== native.call(before, form) + native.call(char, form));
    });
    assert.deepEqual(wrong, []);
  });

  test(`${form}: native calls get bounded texts and runs`, (t) => {
    const lengths: number[] = [];
    const normalize = t.mock.method(String.prototype, 'normalize', function (this: string, name: NormalForm) {
      lengths.push(this.length);
      assert.ok(!new RegExp(`\\p{M}{${LONGEST_RUN + 1}}`, 'u').test(this), 'a long run');
      return native.call(this, name);
    });
    const half = '\u0301'.repeat(50_000) + '\u0316'.repeat(50_000);
    for (const text of [
      `a${half}`,
      half,
      `${`e\u0301`.repeat(30_000)}${half}x`,
      '\u00e9'.repeat(100_000),
      '\u1161'.repeat(100_000),
    ])
      normalForm(text, form);
    normalize.mock.restore();
    assert.ok(lengths.length > 20);
    assert.ok(Math.max(...lengths) <= NATIVE_UNITS + 2 * LONGEST_RUN, `${Math.max(...lengths)} units`);
  });
}

test('a hundred thousand marks in reverse order are sorted as a few are', () => {
  const few = 'a\u0301\u0316';
  const [base, low, high] = native.call(few, 'NFD');
  const many = `a${'\u0301'.repeat(100_000)}${'\u0316'.repeat(100_000)}`;
  assert.equal(normalForm(many, 'NFD'), base! + low!.repeat(100_000) + high!.repeat(100_000));
});

test('the last fresh start is before the last character that joins nothing', () => {
  assert.equal(lastFreshStart('ab\u0301\u0302'), 1);
  assert.equal(lastFreshStart('\u0301\u0302'), 0);
  assert.equal(lastFreshStart('a\u{20000}\u0301'), 1);
});

// Normalisation of runs of combining marks too long for String.prototype.normalize, which is quadratic in them. Only normal-forms.ts imports it.

import { TokenBuffer } from './token-buffer.ts';
import { charFlags, FLAG_JOINS, isInert, type NormalForm } from './unicode.ts';
import type { Work } from './work.ts';

const HIGHEST_CLASS = '\u0345';
const LOWEST_CLASS = '\u0334';
/** Class of what never changes places, and of a starter that nothing follows yet. */
const STARTER = 0;
const NONE = -1;
const REMEMBERED_PAIRS = 65_536;

let ranks: Uint8Array | null = null;
const decompositions = new Map<string, readonly number[]>();
const compositions = new Map<number, number>();

/**
 * A normalisation form in linear time: as `normalize`, but with a stable counting sort of the marks.
 *
 * @param text begins with a character that joins nothing before it, or at the beginning of a text
 */
export function longRunForm(text: string, form: NormalForm, work: Work): string {
  ranks ??= combiningRanks();
  const codes = decompose(text, form, work);
  sortMarks(codes, ranks, work);
  return fromCodes(form === 'NFC' || form === 'NFKC' ? compose(codes, ranks, work) : codes, work);
}

/**
 * Code point -> rank of its canonical combining class, 0 for class 0. The classes are asked of this V8: two marks change places
 * exactly when the first has the higher class, and neither is 0.
 */
function combiningRanks(): Uint8Array {
  const swaps = (a: string, b: string): boolean => a !== b && (a + b).normalize('NFD') === b + a;
  const marks: string[] = [];
  for (let code = 0; code < charFlags.length; code += 1) {
    if ((charFlags[code]! & FLAG_JOINS) === 0 || isInert(code)) continue;
    const mark = String.fromCodePoint(code);
    if (mark.normalize('NFD') === mark && (swaps(HIGHEST_CLASS, mark) || swaps(mark, LOWEST_CLASS))) marks.push(mark);
  }
  marks.sort((a, b) => (swaps(a, b) ? 1 : swaps(b, a) ? -1 : 0));
  const table = new Uint8Array(charFlags.length);
  let rank = 1;
  for (const [i, mark] of marks.entries()) {
    if (i > 0 && swaps(mark, marks[i - 1]!)) rank += 1;
    table[mark.codePointAt(0)!] = rank;
  }
  return table;
}

function decompose(text: string, form: NormalForm, work: Work): Int32Array {
  const base = form === 'NFC' || form === 'NFD' ? 'NFD' : 'NFKD';
  const codes = new TokenBuffer();
  for (const char of text) {
    work.spend(1);
    const key = base + char;
    let parts = decompositions.get(key);
    if (parts === undefined) {
      const isKept = isInert(char.codePointAt(0)!);
      parts = Array.from(isKept ? char : char.normalize(base), (part) => part.codePointAt(0)!);
      if (decompositions.size >= REMEMBERED_PAIRS) decompositions.clear();
      decompositions.set(key, parts);
    }
    for (const code of parts) codes.push(code);
  }
  return codes.all();
}

/** Puts every run of marks in the order of their classes, equal classes in the order they came. */
function sortMarks(codes: Int32Array, rankOf: Uint8Array, work: Work): void {
  for (let start = 0; start < codes.length; ) {
    work.spend(1);
    let end = start;
    while (end < codes.length && rankOf[codes[end]!] !== STARTER) end += 1;
    if (end - start > 1) countingSort(codes.subarray(start, end), rankOf, work);
    start = end + 1;
  }
}

function countingSort(marks: Int32Array, rankOf: Uint8Array, work: Work): void {
  const places = new Int32Array(257);
  for (const code of marks) places[rankOf[code]! + 1]! += 1;
  for (let rank = 1; rank < places.length; rank += 1) places[rank]! += places[rank - 1]!;
  for (const code of marks.slice()) {
    work.spend(1);
    const rank = rankOf[code]!;
    marks[places[rank]!] = code;
    places[rank]! += 1;
  }
}

/** The composition algorithm of UAX 15: a mark joins the last starter unless one of its class or a higher one stands between. */
function compose(codes: Int32Array, rankOf: Uint8Array, work: Work): Int32Array {
  let length = 0;
  let starter = NONE;
  let lastRank = NONE;
  for (const code of codes) {
    work.spend(1);
    const rank = rankOf[code]!;
    const composed = starter >= 0 && (lastRank === NONE || lastRank < rank) ? composition(codes[starter]!, code) : NONE;
    if (composed !== NONE) {
      codes[starter] = composed;
      continue;
    }
    if (rank === STARTER) starter = length;
    lastRank = rank === STARTER ? NONE : rank;
    codes[length] = code;
    length += 1;
  }
  return codes.subarray(0, length);
}

function composition(first: number, second: number): number {
  const key = first * charFlags.length + second;
  let found = compositions.get(key);
  if (found === undefined) {
    const joined = isInert(first) || isInert(second) ? [] : [...String.fromCodePoint(first, second).normalize('NFC')];
    found = joined.length === 1 ? joined[0]!.codePointAt(0)! : NONE;
    if (compositions.size >= REMEMBERED_PAIRS) compositions.clear();
    compositions.set(key, found);
  }
  return found;
}

const CODES_A_CALL = 4096;

function fromCodes(codes: Int32Array, work: Work): string {
  const parts: string[] = [];
  for (let start = 0; start < codes.length; start += CODES_A_CALL) {
    work.spend(CODES_A_CALL);
    parts.push(String.fromCodePoint(...codes.subarray(start, start + CODES_A_CALL)));
  }
  return parts.join('');
}

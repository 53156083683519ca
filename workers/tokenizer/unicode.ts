// Characters as the reference tokenizer sees them, whatever Unicode version this V8 has. Only workers/tokenizer imports it.

import { mapInChunks } from './text-sink.ts';
import { CATEGORY_DEVIATIONS, CLASS_TABLES, RECENT_LOWERCASE } from './unicode-tables.ts';
import { UNENDING, type Work } from './work.ts';

export type NormalForm = 'NFC' | 'NFD' | 'NFKC' | 'NFKD';

/** Bits of {@link charFlags}. */
export const FLAG_SPACE = 1;
export const FLAG_PUNCTUATION = 2;
export const FLAG_IDEOGRAPH = 4;
export const FLAG_LETTER = 8;
export const FLAG_NUMBER = 16;
export const FLAG_NUMERIC = 32;
export const FLAG_WORD = 64;
/** May compose or change places with what stands before it. What has not this bit begins afresh in every normalisation form. */
export const FLAG_JOINS = 128;

/** Jamo that compose with the one before, and signs that a compatibility form turns into jamo or voicing marks. */
const JOINING_RANGES: readonly (readonly [number, number])[] = [
  [0x1160, 0x11ff],
  [0x3130, 0x318f],
  [0xd7b0, 0xd7ff],
  [0xff9e, 0xffdf],
];

/** White_Space has been stable since Unicode 6.3, so the ranges are written out. */
const SPACE_RANGES: readonly (readonly [number, number])[] = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0x85, 0x85],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
];

/** The reference's "Chinese character" blocks, with its gap between U+2B820 and U+2B91F. */
const IDEOGRAPH_RANGES: readonly (readonly [number, number])[] = [
  [0x4e00, 0x9fff],
  [0x3400, 0x4dbf],
  [0x20000, 0x2a6df],
  [0x2a700, 0x2b73f],
  [0x2b740, 0x2b81f],
  [0x2b920, 0x2ceaf],
  [0xf900, 0xfaff],
  [0x2f800, 0x2fa1f],
];

/** Decodes a table of {@link CLASS_TABLES}: `[first, last]` ranges, ascending. */
function decodeRanges(table: string): [number, number][] {
  const ranges: [number, number][] = [];
  let end = 0;
  for (const item of table.split(',')) {
    const [gap, length] = item.split('+');
    const start = end + Number.parseInt(gap ?? '0', 36);
    end = start + (length === undefined ? 0 : Number.parseInt(length, 36));
    ranges.push([start, end]);
  }
  return ranges;
}

/** Source of a character class (without brackets) for a regular expression with the `u` flag. */
function classSource(ranges: readonly (readonly [number, number])[]): string {
  return ranges.map(([first, last]) => `\\u{${first.toString(16)}}-\\u{${last.toString(16)}}`).join('');
}

function buildFlags(): Uint8Array {
  const flags = new Uint8Array(0x110000);
  const mark = (ranges: readonly (readonly [number, number])[], flag: number): void => {
    for (const [first, last] of ranges) for (let code = first; code <= last; code += 1) flags[code]! |= flag;
  };
  mark(SPACE_RANGES, FLAG_SPACE);
  mark(IDEOGRAPH_RANGES, FLAG_IDEOGRAPH);
  mark(decodeRanges(CLASS_TABLES.punct), FLAG_PUNCTUATION);
  mark(decodeRanges(CLASS_TABLES.letter), FLAG_LETTER);
  mark(decodeRanges(CLASS_TABLES.number), FLAG_NUMBER);
  mark(decodeRanges(CLASS_TABLES.numeric), FLAG_NUMERIC);
  mark(decodeRanges(CLASS_TABLES.word), FLAG_WORD);
  mark(decodeRanges(CLASS_TABLES.combining), FLAG_JOINS);
  mark(JOINING_RANGES, FLAG_JOINS);
  return flags;
}

/** `[code point]` -> bits `FLAG_*`. One table a thread (1.1 MB): every stage looks characters up by index. */
export const charFlags: Uint8Array = buildFlags();

const SPACE_SOURCE = classSource(SPACE_RANGES);
export const SPACES_AT_START = new RegExp(`^[${SPACE_SOURCE}]+`, 'u');

const REMOVED = new RegExp(`[${classSource(decodeRanges(CLASS_TABLES.removed))}\\0]+`, 'gu');
const SPACES = new RegExp(`[${SPACE_SOURCE}]`, 'gu');
const IDEOGRAPHS = new RegExp(`[${classSource(IDEOGRAPH_RANGES)}]`, 'gu');
const NONSPACING_MARKS = new RegExp(`[${classSource(decodeRanges(CLASS_TABLES.mn))}]+`, 'gu');
const COMBINING_MARKS = new RegExp(`[${classSource(decodeRanges(CLASS_TABLES.combining))}]+`, 'gu');
/** Runs of characters newer than the reference's tables: they have no mapping and join nothing there. */
export const INERT = new RegExp(`([${classSource(decodeRanges(CLASS_TABLES.inert))}]+)`, 'u');
const NON_ASCII = /[^\0-\x7f]/;

/** Whether normalisation forms and mark removal cannot change the text. */
export const isAscii = (text: string): boolean => !NON_ASCII.test(text);

/** The text with U+FFFD in the place of surrogates that stand alone. */
export function wellFormed(text: string, work: Work = UNENDING): string {
  return mapInChunks(text, work, (chunk) => chunk.replace(/\p{Surrogate}/gu, '\ufffd'));
}

/** Drops what BERT's cleaning drops. */
export const removeControls = (text: string): string => text.replace(REMOVED, '');
/** Every white space -> one plain space. */
export const plainSpaces = (text: string): string => text.replace(SPACES, ' ');
/** A space on both sides of every ideograph. */
export const spaceIdeographs = (text: string): string => text.replace(IDEOGRAPHS, ' $& ');
export const removeNonspacingMarks = (text: string): string => text.replace(NONSPACING_MARKS, '');
export const removeCombiningMarks = (text: string): string => text.replace(COMBINING_MARKS, '');

let inertCodes: ReadonlySet<number> | null = null;

/** Whether the reference's tables do not know the character. */
export function isInert(code: number): boolean {
  inertCodes ??= new Set(decodeRanges(CLASS_TABLES.inert).flatMap(([first, last]) => range(first, last)));
  return inertCodes.has(code);
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

const recentLowercase = new Map<string, string>();
for (const [first, last, distance] of RECENT_LOWERCASE) {
  for (let code = first; code <= last; code += 1) {
    recentLowercase.set(String.fromCodePoint(code), String.fromCodePoint(code + distance));
  }
}
const RECENT_CAPITALS = new RegExp(`[${[...recentLowercase.keys()].join('')}]`, 'gu');

/**
 * Lower case, each character for itself as Rust's `char::to_lowercase`: a capital sigma is put in lower case first, as JavaScript
 * looks at its neighbours, and so are capitals this V8 may not know.
 */
export function lowercase(text: string): string {
  if (isAscii(text)) return text.toLowerCase();
  return text
    .replaceAll('\u03a3', '\u03c3')
    .replace(RECENT_CAPITALS, (char) => recentLowercase.get(char) ?? char)
    .toLowerCase();
}

/** A character of each general category that no version of Unicode moves: below U+10000, and above. */
const CATEGORY_MODELS: Readonly<Record<string, readonly [string, string]>> = {
  Ll: ['\u00df', '\u{1d41a}'],
  Lu: ['\u00d0', '\u{1d400}'],
  Lo: ['\u05d0', '\u{10000}'],
  Lm: ['\u02b0', '\u{16f93}'],
  Mn: ['\u0591', '\u{101fd}'],
  Mc: ['\u0903', '\u{11000}'],
  Nd: ['\u0660', '\u{104a0}'],
  No: ['\u00b2', '\u{10107}'],
  Po: ['\u00a1', '\u{10100}'],
  Pd: ['\u058a', '\u{10ead}'],
  Sm: ['\u00ac', '\u{1d6c1}'],
  So: ['\u00a6', '\u{10137}'],
  Cf: ['\u2060', '\u{110bd}'],
  Cn: ['\ufffe', '\u{1fffe}'],
};
/** Han letters newer than some V8: Extension I and J. */
const NEW_HAN_FIRST = 0x2ebf0;
const HAN_LAST = 0x323af;

const shadowModel = new Map<string, string>();
function buildShadow(): RegExp {
  const sources: string[] = [];
  for (const [category, table] of Object.entries(CATEGORY_DEVIATIONS)) {
    const ranges = decodeRanges(table);
    sources.push(classSource(ranges));
    const [low, high] = CATEGORY_MODELS[category] ?? ['\ufffe', '\u{1fffe}'];
    for (const [first, last] of ranges) {
      for (let code = first; code <= last; code += 1) {
        const isHan = category === 'Lo' && code >= NEW_HAN_FIRST && code <= HAN_LAST;
        shadowModel.set(String.fromCodePoint(code), isHan ? '\u{20000}' : code < 0x10000 ? low : high);
      }
    }
  }
  return new RegExp(`[${sources.join('')}]`, 'gu');
}
const SHADOWED = buildShadow();

/**
 * The text with every character whose category depends on the Unicode version replaced by one of the same length and
 * of the category the reference's regex engine gives it: match on the shadow, cut the text at the same offsets.
 */
export function regexShadow(text: string, work: Work = UNENDING): string {
  if (isAscii(text)) return text;
  return mapInChunks(text, work, (chunk) => chunk.replace(SHADOWED, (char) => shadowModel.get(char) ?? char));
}

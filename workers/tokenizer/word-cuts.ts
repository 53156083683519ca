// Where normalised text can be cut so that the parts give the words of the whole. Only word-stream.ts imports it.

import { isKnownSplit, SOLID } from './cuts.ts';
import { flag, isObject, type Json } from './json.ts';
import { behaviorOf, GPT2_SPACE, gpt2Class } from './pre-tokenizers.ts';
import type { LastCut } from './text-sink.ts';
import { charFlags, FLAG_NUMERIC, FLAG_PUNCTUATION, FLAG_SPACE, FLAG_WORD } from './unicode.ts';

/** Whether words never reach over the border of two characters. */
type Border = (before: number, behind: number) => boolean;

const SPACE = 0x20;
const APOSTROPHE = 0x27;
const ASCII_MARKS = /[!-/:-@[-`{-~]/;

/**
 * The last safe place for the first stage of a pre-tokenizer, as the others see its pieces one by one; null when its words depend
 * on all that stands before them.
 */
export function lastWordCut(block: Json | undefined, where: string): LastCut | null {
  const border = block === undefined ? null : (BORDERS[String(block.type)]?.(block, where) ?? null);
  return border === null ? null : (text) => lastBorder(text, border);
}

function lastBorder(text: string, isBorder: Border): number {
  let behind = -1;
  for (let end = text.length; end > 0; ) {
    const isPair = end > 1 && (text.charCodeAt(end - 1) & 0xfc00) === 0xdc00;
    const start = isPair ? end - 2 : end - 1;
    const before = text.codePointAt(start)!;
    if (behind >= 0 && isBorder(before, behind)) return end;
    behind = before;
    end = start;
  }
  return 0;
}

const has = (code: number, bits: number): boolean => (charFlags[code]! & bits) !== 0;
const besideAny =
  (bits: number): Border =>
  (before, behind) =>
    has(before, bits) || has(behind, bits);
const between =
  (bits: number): Border =>
  (before, behind) =>
    has(before, bits) !== has(behind, bits);

const BORDERS: Readonly<Record<string, (block: Json, where: string) => Border | null>> = {
  BertPreTokenizer: () => besideAny(FLAG_SPACE | FLAG_PUNCTUATION),
  WhitespaceSplit: () => besideAny(FLAG_SPACE),
  Whitespace: () => (before, behind) =>
    has(before, FLAG_SPACE) || has(behind, FLAG_SPACE) || has(before, FLAG_WORD) !== has(behind, FLAG_WORD),
  Digits: (block) => (flag(block.individual_digits, false) ? besideAny(FLAG_NUMERIC) : between(FLAG_NUMERIC)),
  Punctuation: (block, where) => {
    const behavior = behaviorOf(block.behavior ?? 'Isolated', where);
    if (behavior === 'Contiguous') return between(FLAG_PUNCTUATION);
    return behavior === 'Isolated' || behavior === 'Removed' ? besideAny(FLAG_PUNCTUATION) : null;
  },
  CharDelimiterSplit: ({ delimiter }) => besideCharacter(delimiter),
  Metaspace: beforeReplacement,
  ByteLevel: gpt2Border,
  Split: (block, where) => {
    if (isObject(block.pattern) && typeof block.pattern.String === 'string') return literalBorder(block, where);
    return isKnownSplit(block) ? solidBorder() : null;
  },
};

function besideCharacter(delimiter: unknown): Border | null {
  const wanted = typeof delimiter === 'string' ? delimiter.codePointAt(0) : undefined;
  return wanted === undefined ? null : (before, behind) => before === wanted || behind === wanted;
}

/** What begins with a space or its replacement gets no further one before it. */
function beforeReplacement(block: Json): Border | null {
  if (!flag(block.split, true)) return null;
  const replacement = typeof block.replacement === 'string' ? block.replacement : '\u2581';
  const mark = replacement.codePointAt(0);
  return mark === undefined || replacement.length !== 1 ? null : (_before, behind) => behind === SPACE || behind === mark;
}

/** A space begins a piece; so does another class behind a letter, number or sign, but for the contractions behind an apostrophe. */
function gpt2Border(block: Json): Border | null {
  if (!flag(block.use_regex, true)) return null;
  const isPrefixed = flag(block.add_prefix_space, true);
  return (before, behind) => {
    if (gpt2Class(before) === GPT2_SPACE) return false;
    if (behind === SPACE) return true;
    const next = gpt2Class(behind);
    return !isPrefixed && next !== GPT2_SPACE && next !== gpt2Class(before) && before !== APOSTROPHE;
  };
}

/** Of the known patterns no match goes on from a letter or digit to a space, or from a letter to a sign. */
function solidBorder(): Border {
  const solid = new Uint8Array(0x10000);
  const pattern = new RegExp(`[${SOLID}]`);
  for (let code = 0; code < solid.length; code += 1) if (pattern.test(String.fromCharCode(code))) solid[code] = 1;
  return (before, behind) => {
    if (solid[before] !== 1) return false;
    return behind === SPACE || (behind < 0x80 && ASCII_MARKS.test(String.fromCharCode(behind)));
  };
}

/** A literal of one character. */
function literalBorder({ pattern, behavior, invert }: Json, where: string): Border | null {
  const literal = isObject(pattern) ? String(pattern.String) : '';
  const wanted = literal.codePointAt(0);
  if (wanted === undefined || literal.length !== String.fromCodePoint(wanted).length || flag(invert, false)) return null;
  const kind = behaviorOf(behavior, where);
  if (kind === 'MergedWithNext') return (before, behind) => before !== wanted && behind === wanted;
  if (kind === 'Isolated' || kind === 'Removed') return (before, behind) => before === wanted || behind === wanted;
  return (before, behind) => before === wanted && behind !== wanted;
}

// The pre_tokenizer block of tokenizer.json as functions on pieces of text, with the reference's behaviour. Only workers/tokenizer imports it.

import { applyBytes } from './byte-alphabet.ts';
import { arrayAt, entryOf, failModel, flag, isObject, type Json, objectAt, stringAt, wholeAt } from './json.ts';
import {
  applyBehavior,
  charSplitter,
  compilePattern,
  invert,
  regexSplitter,
  type SplitBehavior,
  type Splitter,
} from './regex.ts';
import { charFlags, FLAG_LETTER, FLAG_NUMBER, FLAG_NUMERIC, FLAG_PUNCTUATION, FLAG_SPACE, FLAG_WORD } from './unicode.ts';
import type { Work } from './work.ts';

/** Whether the first piece begins where the text begins: Metaspace's `first` scheme asks. Stages that drop the beginning clear it. */
export interface TextStart {
  isAtStart: boolean;
  readonly work: Work;
}

/** Pieces -> finer pieces, none of them empty. */
export type PreTokenizer = (pieces: readonly string[], start: TextStart) => string[];

/**
 * Builds the pre-tokenizer.
 *
 * @param config the `pre_tokenizer` block; null leaves the text in one piece
 * @throws RerankError `model_files` for a type or pattern we do not know
 */
export function createPreTokenizer(config: unknown, where: string): PreTokenizer {
  if (config === null || config === undefined) return (pieces) => pieces.filter((piece) => piece !== '');
  const block = objectAt(config, where);
  const rules = splitRules(block, where);
  if (rules !== null) return sequence(rules.map(splitBy));
  const make = entryOf(FACTORIES, stringAt(block.type, `${where}.type`));
  return make === undefined ? failModel(where, `unknown pre_tokenizer ${stringAt(block.type, where)}`) : make(block, where);
}

/** One split: where, and what becomes of the delimiters. */
export interface SplitRule {
  readonly splitter: Splitter;
  readonly behavior: SplitBehavior;
}

/** The splits of a stage that does nothing else, one after the other; null for other stages. @throws RerankError `model_files` */
export function splitRules(block: Json, where: string): readonly SplitRule[] | null {
  const type = stringAt(block.type, `${where}.type`);
  return entryOf(SPLITS, type)?.(block, where) ?? null;
}

const hasFlag = (bits: number): Splitter => charSplitter((code) => (charFlags[code]! & bits) !== 0);
const onSpaces = hasFlag(FLAG_SPACE);
const onPunctuation = hasFlag(FLAG_PUNCTUATION);

const SPLITS: Readonly<Record<string, (config: Json, where: string) => readonly SplitRule[]>> = {
  BertPreTokenizer: () => [
    { splitter: onSpaces, behavior: 'Removed' },
    { splitter: onPunctuation, behavior: 'Isolated' },
  ],
  CharDelimiterSplit: (config, where) => {
    const delimiter = stringAt(config.delimiter, `${where}.delimiter`).codePointAt(0);
    return [{ splitter: charSplitter((code) => code === delimiter), behavior: 'Removed' }];
  },
  Digits: (config) => [
    { splitter: hasFlag(FLAG_NUMERIC), behavior: flag(config.individual_digits, false) ? 'Isolated' : 'Contiguous' },
  ],
  Punctuation: (config) => [{ splitter: onPunctuation, behavior: behaviorOf(config.behavior ?? 'Isolated', 'punctuation') }],
  Split: split,
  Whitespace: () => [{ splitter: wordsAndSymbols, behavior: 'Removed' }],
  WhitespaceSplit: () => [{ splitter: onSpaces, behavior: 'Removed' }],
};

const FACTORIES: Readonly<Record<string, (config: Json, where: string) => PreTokenizer>> = {
  ByteLevel: byteLevel,
  FixedLength: (config, where) => {
    const length = pieceLength(config, where);
    return (pieces, { work }) => pieces.flatMap((piece) => fixedLength(piece, length, work));
  },
  Metaspace: metaspace,
  Sequence: (config, where) =>
    sequence(
      arrayAt(config.pretokenizers, `${where}.pretokenizers`).map((stage, i) =>
        createPreTokenizer(stage, `${where}.pretokenizers[${i}]`),
      ),
    ),
};

function sequence(stages: readonly PreTokenizer[]): PreTokenizer {
  return (pieces, start) => stages.reduce<string[]>((current, stage) => stage(current, start), [...pieces]);
}

function splitBy({ splitter, behavior }: SplitRule): PreTokenizer {
  return (pieces, start) => {
    const out: string[] = [];
    for (const [i, piece] of pieces.entries()) {
      const parts = splitter(piece, start.work);
      if (i === 0 && behavior === 'Removed' && parts[0]?.isMatch === true) start.isAtStart = false;
      for (const part of applyBehavior(piece, parts, behavior)) out.push(part);
    }
    return out;
  };
}

const BEHAVIORS: Readonly<Record<string, SplitBehavior>> = {
  removed: 'Removed',
  isolated: 'Isolated',
  contiguous: 'Contiguous',
  mergedwithprevious: 'MergedWithPrevious',
  mergedwithnext: 'MergedWithNext',
};

export function behaviorOf(value: unknown, where: string): SplitBehavior {
  const behavior = entryOf(BEHAVIORS, stringAt(value, where).replaceAll('_', '').toLowerCase());
  return behavior ?? failModel(where, `unknown behavior ${String(value)}`);
}

function split(config: Json, where: string): readonly SplitRule[] {
  const splitter = regexSplitter(compilePattern(config.pattern, `${where}.pattern`));
  const behavior = behaviorOf(config.behavior, `${where}.behavior`);
  return [{ splitter: flag(config.invert, false) ? invert(splitter) : splitter, behavior }];
}

/** `\w+|[^\w\s]+` of the regex crate: runs of word characters, runs of other characters; white space is the match that goes. */
function wordsAndSymbols(text: string, work: Work): { start: number; end: number; isMatch: boolean }[] {
  const parts: { start: number; end: number; isMatch: boolean }[] = [];
  let lastClass = -1;
  for (let i = 0; i < text.length; ) {
    work.spend(1);
    const code = text.codePointAt(i)!;
    const next = i + (code > 0xffff ? 2 : 1);
    const bits = charFlags[code]!;
    const charClass = (bits & FLAG_SPACE) !== 0 ? 0 : (bits & FLAG_WORD) !== 0 ? 1 : 2;
    if (charClass === lastClass) parts.at(-1)!.end = next;
    else parts.push({ start: i, end: next, isMatch: charClass === 0 });
    lastClass = charClass;
    i = next;
  }
  return parts;
}

/** Characters of a piece of the FixedLength stage. @throws RerankError `model_files`; pieces of none would never end */
export function pieceLength({ length }: Json, where: string): number {
  return wholeAt(length, `${where}.length`, { min: 1, max: 2 ** 31 - 1, fallback: 5 });
}

/** End of the piece of `length` characters that begins at `start`. */
export function fixedPieceEnd(text: string, start: number, length: number): number {
  let end = start;
  for (let i = 0; i < length && end < text.length; i += 1) end += text.codePointAt(end)! > 0xffff ? 2 : 1;
  return end;
}

function fixedLength(piece: string, length: number, work: Work): string[] {
  const out: string[] = [];
  for (let start = 0; start < piece.length; ) {
    work.spend(length);
    const end = fixedPieceEnd(piece, start, length);
    out.push(piece.slice(start, end));
    start = end;
  }
  return out;
}

/** One character, as the reference wants it. */
const MAX_REPLACEMENT_UNITS = 2;

export interface MetaspaceOptions {
  readonly replacement: string;
  readonly scheme: 'always' | 'first' | 'never';
  readonly splits: boolean;
}

/** @throws RerankError `model_files` */
export function metaspaceOptions(config: Json, where: string): MetaspaceOptions {
  const replacement = typeof config.replacement === 'string' ? config.replacement : '\u2581';
  if (replacement === '' || replacement.length > MAX_REPLACEMENT_UNITS) failModel(where, 'the replacement is not one character');
  const scheme = config.add_prefix_space === false ? 'never' : (config.prepend_scheme ?? 'always');
  if (scheme !== 'always' && scheme !== 'first' && scheme !== 'never')
    failModel(where, `unknown prepend_scheme ${String(scheme)}`);
  return { replacement, scheme, splits: flag(config.split, true) };
}

function metaspace(config: Json, where: string): PreTokenizer {
  const { replacement, scheme, splits } = metaspaceOptions(config, where);
  return (pieces, start) => {
    const out: string[] = [];
    for (const [i, piece] of pieces.entries()) {
      const spaced = piece.replaceAll(' ', replacement);
      const prepends = scheme === 'always' || (scheme === 'first' && i === 0 && start.isAtStart);
      const marked = prepends && !spaced.startsWith(replacement) ? replacement + spaced : spaced;
      if (!splits) out.push(marked);
      else pushFromEach(marked, replacement, out);
    }
    return out;
  };
}

/** Splits before every replacement character. */
function pushFromEach(text: string, replacement: string, out: string[]): void {
  for (let start = 0; start < text.length; ) {
    const next = text.indexOf(replacement, start + 1);
    out.push(text.slice(start, next < 0 ? undefined : next));
    start = next < 0 ? text.length : next;
  }
}

function byteLevel(config: Json): PreTokenizer {
  const addsPrefixSpace = flag(config.add_prefix_space, true);
  const splits = flag(config.use_regex, true);
  return (pieces, { work }) => {
    const out: string[] = [];
    for (const piece of pieces) {
      const text = addsPrefixSpace && !piece.startsWith(' ') ? ` ${piece}` : piece;
      if (splits) pushGpt2Pieces(text, work, out);
      else out.push(applyBytes(text, work));
    }
    return out;
  };
}

const CONTRACTIONS = ['s', 't', 're', 've', 'm', 'll', 'd'] as const;
const LETTER = 1;
const NUMBER = 2;
export const GPT2_SPACE = 3;
const OTHER = 4;

/** What GPT-2's pattern tells apart. */
export function gpt2Class(code: number): number {
  const bits = charFlags[code]!;
  if ((bits & FLAG_LETTER) !== 0) return LETTER;
  if ((bits & FLAG_NUMBER) !== 0) return NUMBER;
  return (bits & FLAG_SPACE) !== 0 ? GPT2_SPACE : OTHER;
}

/** The pattern of GPT-2, `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`, with the classes of the reference. */
function pushGpt2Pieces(text: string, work: Work, out: string[]): void {
  for (let start = 0; start < text.length; ) {
    const end = gpt2PieceEnd(text, start);
    work.spend(end - start);
    out.push(applyBytes(text.slice(start, end), work));
    start = end;
  }
}

/** End of the piece of GPT-2's pattern that begins at `start`. */
export function gpt2PieceEnd(text: string, start: number): number {
  if (text.charCodeAt(start) === 0x27) {
    const contraction = CONTRACTIONS.find((tail) => text.startsWith(tail, start + 1));
    if (contraction !== undefined) return start + 1 + contraction.length;
  }
  const first = text.codePointAt(start)!;
  const opensWithSpace = first === 0x20 && start + 1 < text.length && gpt2Class(text.codePointAt(start + 1)!) !== GPT2_SPACE;
  const body = opensWithSpace ? start + 1 : start;
  const bodyClass = gpt2Class(text.codePointAt(body)!);
  let end = body;
  while (end < text.length) {
    const code = text.codePointAt(end)!;
    if (gpt2Class(code) !== bodyClass) break;
    end += code > 0xffff ? 2 : 1;
  }
  // A run of spaces before a word leaves its last one to the word, or by itself when it is not a plain space.
  if (bodyClass === GPT2_SPACE && end < text.length && end - body > 1) return end - 1;
  return end;
}

/** Types of all stages of a pre_tokenizer block, nested sequences opened, in order. */
export function stageBlocks(config: unknown, listKey: 'pretokenizers' | 'normalizers' | 'processors'): Json[] {
  if (!isObject(config)) return [];
  if (config.type !== 'Sequence') return [config];
  const stages = config[listKey];
  return Array.isArray(stages) ? stages.flatMap((stage) => stageBlocks(stage, listKey)) : [];
}

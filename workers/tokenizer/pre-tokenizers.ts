// The pre_tokenizer block of tokenizer.json as functions on pieces of text, with the reference's behaviour. Only workers/tokenizer imports it.

import { applyBytes } from './byte-alphabet.ts';
import { arrayAt, failModel, flag, isObject, type Json, objectAt, stringAt } from './json.ts';
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

/** Whether the first piece begins where the text begins: Metaspace's `first` scheme asks. Stages that drop the beginning clear it. */
export interface TextStart {
  isAtStart: boolean;
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
  const type = stringAt(block.type, `${where}.type`);
  const make = FACTORIES[type];
  return make === undefined ? failModel(where, `unknown pre_tokenizer ${type}`) : make(block, where);
}

const hasFlag = (bits: number): Splitter => charSplitter((code) => (charFlags[code]! & bits) !== 0);
const onSpaces = hasFlag(FLAG_SPACE);
const onPunctuation = hasFlag(FLAG_PUNCTUATION);

const FACTORIES: Readonly<Record<string, (config: Json, where: string) => PreTokenizer>> = {
  BertPreTokenizer: () => {
    const words = splitBy(onSpaces, 'Removed');
    const marks = splitBy(onPunctuation, 'Isolated');
    return (pieces, start) => marks(words(pieces, start), start);
  },
  ByteLevel: byteLevel,
  CharDelimiterSplit: (config, where) => {
    const delimiter = stringAt(config.delimiter, `${where}.delimiter`).codePointAt(0);
    return splitBy(
      charSplitter((code) => code === delimiter),
      'Removed',
    );
  },
  Digits: (config) => splitBy(hasFlag(FLAG_NUMERIC), flag(config.individual_digits, false) ? 'Isolated' : 'Contiguous'),
  FixedLength: (config) => {
    const length = typeof config.length === 'number' ? config.length : 5;
    return (pieces) => pieces.flatMap((piece) => fixedLength(piece, length));
  },
  Metaspace: metaspace,
  Punctuation: (config) => splitBy(onPunctuation, behaviorOf(config.behavior ?? 'Isolated', 'punctuation')),
  Sequence: (config, where) => {
    const stages = arrayAt(config.pretokenizers, `${where}.pretokenizers`).map((stage, i) =>
      createPreTokenizer(stage, `${where}.pretokenizers[${i}]`),
    );
    return (pieces, start) => stages.reduce<string[]>((current, stage) => stage(current, start), [...pieces]);
  },
  Split: split,
  Whitespace: () => splitBy(wordsAndSymbols, 'Removed'),
  WhitespaceSplit: () => splitBy(onSpaces, 'Removed'),
};

function splitBy(splitter: Splitter, behavior: SplitBehavior): PreTokenizer {
  return (pieces, start) => {
    const out: string[] = [];
    for (const [i, piece] of pieces.entries()) {
      const parts = splitter(piece);
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
  const behavior = BEHAVIORS[stringAt(value, where).replaceAll('_', '').toLowerCase()];
  return behavior ?? failModel(where, `unknown behavior ${String(value)}`);
}

function split(config: Json, where: string): PreTokenizer {
  const splitter = regexSplitter(compilePattern(config.pattern, `${where}.pattern`));
  return splitBy(flag(config.invert, false) ? invert(splitter) : splitter, behaviorOf(config.behavior, `${where}.behavior`));
}

/** `\w+|[^\w\s]+` of the regex crate: runs of word characters, runs of other characters; white space is the match that goes. */
function wordsAndSymbols(text: string): { start: number; end: number; isMatch: boolean }[] {
  const parts: { start: number; end: number; isMatch: boolean }[] = [];
  let lastClass = -1;
  for (let i = 0; i < text.length; ) {
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

function fixedLength(piece: string, length: number): string[] {
  const chars = [...piece];
  const out: string[] = [];
  for (let i = 0; i < chars.length; i += length) out.push(chars.slice(i, i + length).join(''));
  return out;
}

function metaspace(config: Json, where: string): PreTokenizer {
  const replacement = typeof config.replacement === 'string' ? config.replacement : '\u2581';
  const scheme = config.add_prefix_space === false ? 'never' : (config.prepend_scheme ?? 'always');
  if (scheme !== 'always' && scheme !== 'first' && scheme !== 'never')
    failModel(where, `unknown prepend_scheme ${String(scheme)}`);
  const splits = flag(config.split, true);
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
  return (pieces) => {
    const out: string[] = [];
    for (const piece of pieces) {
      const text = addsPrefixSpace && !piece.startsWith(' ') ? ` ${piece}` : piece;
      if (splits) pushGpt2Pieces(text, out);
      else out.push(applyBytes(text));
    }
    return out;
  };
}

const CONTRACTIONS = ['s', 't', 're', 've', 'm', 'll', 'd'] as const;
const LETTER = 1;
const NUMBER = 2;
const SPACE = 3;
const OTHER = 4;

function gpt2Class(code: number): number {
  const bits = charFlags[code]!;
  if ((bits & FLAG_LETTER) !== 0) return LETTER;
  if ((bits & FLAG_NUMBER) !== 0) return NUMBER;
  return (bits & FLAG_SPACE) !== 0 ? SPACE : OTHER;
}

/** The pattern of GPT-2, `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`, with the classes of the reference. */
function pushGpt2Pieces(text: string, out: string[]): void {
  for (let start = 0; start < text.length; ) {
    const end = gpt2PieceEnd(text, start);
    out.push(applyBytes(text.slice(start, end)));
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
  const opensWithSpace = first === 0x20 && start + 1 < text.length && gpt2Class(text.codePointAt(start + 1)!) !== SPACE;
  const body = opensWithSpace ? start + 1 : start;
  const bodyClass = gpt2Class(text.codePointAt(body)!);
  let end = body;
  while (end < text.length) {
    const code = text.codePointAt(end)!;
    if (gpt2Class(code) !== bodyClass) break;
    end += code > 0xffff ? 2 : 1;
  }
  // A run of spaces before a word leaves its last one to the word, or by itself when it is not a plain space.
  if (bodyClass === SPACE && end < text.length && end - body > 1) return end - 1;
  return end;
}

/** Types of all stages of a pre_tokenizer block, nested sequences opened, in order. */
export function stageBlocks(config: unknown, listKey: 'pretokenizers' | 'normalizers' | 'processors'): Json[] {
  if (!isObject(config)) return [];
  if (config.type !== 'Sequence') return [config];
  const stages = config[listKey];
  return Array.isArray(stages) ? stages.flatMap((stage) => stageBlocks(stage, listKey)) : [];
}

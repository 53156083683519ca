// The normalizer block of tokenizer.json as text functions with the reference's behaviour. Only workers/tokenizer imports it.

import { applyBytes } from './byte-alphabet.ts';
import { Charsmap } from './charsmap.ts';
import { arrayAt, entryOf, failModel, flag, isObject, type Json, objectAt, stringAt } from './json.ts';
import { compilePattern } from './regex.ts';
import {
  charFlags,
  FLAG_SPACE,
  isAscii,
  lowercase,
  type NormalForm,
  normalForm,
  plainSpaces,
  regexShadow,
  removeCombiningMarks,
  removeControls,
  removeNonspacingMarks,
  spaceIdeographs,
} from './unicode.ts';

/** Where a piece stands in its text: what is done only at a text's edges must not happen at a cut inside it. */
export interface Edges {
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

export const WHOLE: Edges = { isFirst: true, isLast: true };

export type Normalizer = (text: string, edges: Edges) => string;

/**
 * Builds the normaliser.
 *
 * @param config the `normalizer` block; null gives the identity
 * @throws RerankError `model_files` for a type or pattern we do not know
 */
export function createNormalizer(config: unknown, where: string): Normalizer {
  if (config === null || config === undefined) return (text) => text;
  const block = objectAt(config, where);
  const type = stringAt(block.type, `${where}.type`);
  const make = entryOf(FACTORIES, type);
  return make === undefined ? failModel(where, `unknown normalizer ${type}`) : make(block, where);
}

const FACTORIES: Readonly<Record<string, (config: Json, where: string) => Normalizer>> = {
  BertNormalizer: bertNormalizer,
  Sequence: (config, where) => {
    const stages = arrayAt(config.normalizers, `${where}.normalizers`).map((stage, i) =>
      createNormalizer(stage, `${where}.normalizers[${i}]`),
    );
    return (text, edges) => stages.reduce((current, stage) => stage(current, edges), text);
  },
  NFC: form('NFC'),
  NFD: form('NFD'),
  NFKC: form('NFKC'),
  NFKD: form('NFKD'),
  Lowercase: () => lowercase,
  Strip: strip,
  StripAccents: () => (text) => (isAscii(text) ? text : removeCombiningMarks(text)),
  Prepend: (config, where) => {
    const prefix = stringAt(config.prepend, `${where}.prepend`);
    return (text, { isFirst }) => (isFirst && text !== '' ? prefix + text : text);
  },
  Replace: replace,
  Nmt: () => normalizeNmt,
  ByteLevel: () => applyBytes,
  Precompiled: (config, where) => {
    // Some exports leave the map empty: nothing is replaced then.
    if (config.precompiled_charsmap === null || config.precompiled_charsmap === '') return (text) => text;
    const charsmap = new Charsmap(stringAt(config.precompiled_charsmap, `${where}.precompiled_charsmap`), where);
    return (text) => charsmap.normalize(text);
  },
};

function form(name: NormalForm): () => Normalizer {
  return () => (text) => normalForm(text, name);
}

/** The order is the reference's: clean, ideographs, accents, case. */
function bertNormalizer(config: Json): Normalizer {
  const cleans = flag(config.clean_text, true);
  const spacesIdeographs = flag(config.handle_chinese_chars, true);
  const lowers = flag(config.lowercase, true);
  const stripsAccents = flag(config.strip_accents, lowers);
  return (text) => {
    let current = cleans ? plainSpaces(removeControls(text)) : text;
    if (!isAscii(current)) {
      if (spacesIdeographs) current = spaceIdeographs(current);
      if (stripsAccents) current = removeNonspacingMarks(normalForm(current, 'NFD'));
    }
    return lowers ? lowercase(current) : current;
  };
}

function strip(config: Json): Normalizer {
  const left = flag(config.strip_left, true);
  const right = flag(config.strip_right, true);
  const isSpace = (code: number): boolean => (charFlags[code]! & FLAG_SPACE) !== 0;
  return (text, { isFirst, isLast }) => {
    let start = 0;
    let end = text.length;
    if (left && isFirst) while (start < end && isSpace(text.charCodeAt(start))) start += 1;
    if (right && isLast) while (end > start && isSpace(text.charCodeAt(end - 1))) end -= 1;
    return text.slice(start, end);
  };
}

function replace(config: Json, where: string): Normalizer {
  const content = stringAt(config.content, `${where}.content`);
  if (isObject(config.pattern) && typeof config.pattern.String === 'string') {
    const wanted = config.pattern.String;
    return wanted === '' ? (text) => text : (text) => text.replaceAll(wanted, () => content);
  }
  const pattern = compilePattern(config.pattern, `${where}.pattern`);
  return (text) => {
    const shadow = regexShadow(text);
    let out = '';
    let end = 0;
    for (const match of shadow.matchAll(pattern)) {
      out += text.slice(end, match.index) + content;
      end = match.index + match[0].length;
    }
    return end === 0 && out === '' ? text : out + text.slice(end);
  };
}

const NMT_REMOVED = /[\x01-\x08\x0b\x0e-\x1f\x7f\x8f\x9f]/g;
const NMT_SPACES = /[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/g;

/** What sentencepiece's nmt rules drop and turn into spaces. */
export function normalizeNmt(text: string): string {
  return text.replace(NMT_REMOVED, '').replace(NMT_SPACES, ' ');
}

// The normalizer block of tokenizer.json on texts that remember where they came from. Only workers/tokenizer/load.ts imports it.
// Gives the text that ../normalizers.ts gives for a whole text; a test holds the two together.

import { BYTE_CHARS } from '../byte-alphabet.ts';
import { Charsmap } from '../charsmap.ts';
import { arrayAt, entryOf, failModel, flag, isObject, type Json, objectAt, stringAt } from '../json.ts';
import { normalizeNmt } from '../normalizers.ts';
import { compilePattern } from '../regex.ts';
import {
  charFlags,
  FLAG_IDEOGRAPH,
  FLAG_SPACE,
  isAscii,
  lowercase,
  type NormalForm,
  plainSpaces,
  regexShadow,
  removeCombiningMarks,
  removeControls,
  removeNonspacingMarks,
} from '../unicode.ts';
import type { Work } from '../work.ts';
import type { AlignedText, Range, Rewriting } from './aligned-text.ts';
import { eachOf, mapCharacters, rewriteToForm } from './rewritings.ts';

export type AlignedNormalizer = (text: AlignedText) => AlignedText;

/** @throws RerankError `model_files` for a type or pattern we do not know */
export function createAlignedNormalizer(config: unknown, where: string): AlignedNormalizer {
  if (config === null || config === undefined) return (text) => text;
  const block = objectAt(config, where);
  const type = stringAt(block.type, `${where}.type`);
  const make = entryOf(FACTORIES, type);
  return make === undefined ? failModel(where, `unknown normalizer ${type}`) : make(block, where);
}

const FACTORIES: Readonly<Record<string, (config: Json, where: string) => AlignedNormalizer>> = {
  BertNormalizer: bertNormalizer,
  Sequence: (config, where) => {
    const stages = arrayAt(config.normalizers, `${where}.normalizers`).map((stage, i) =>
      createAlignedNormalizer(stage, `${where}.normalizers[${i}]`),
    );
    return (text) => stages.reduce((current, stage) => stage(current), text);
  },
  NFC: form('NFC'),
  NFD: form('NFD'),
  NFKC: form('NFKC'),
  NFKD: form('NFKD'),
  Lowercase: () => each(lowercase),
  Strip: strip,
  StripAccents: () => unlessAscii(each(removeCombiningMarks)),
  Prepend: (config, where) => {
    const prefix = stringAt(config.prepend, `${where}.prepend`);
    return (text) => text.prepend(prefix);
  },
  Replace: replace,
  Nmt: () => each(normalizeNmt),
  ByteLevel: () => alignBytes,
  Precompiled: precompiled,
};

/** Every character by itself; `map` gives an empty text for what is dropped. */
function each(map: (char: string) => string): AlignedNormalizer {
  return (aligned) => {
    const mapped = mapCharacters(aligned.text, map, aligned.work);
    return aligned.rewrite(mapped, mapped.skipped);
  };
}

function unlessAscii(normalizer: AlignedNormalizer): AlignedNormalizer {
  return (aligned) => (isAscii(aligned.text) ? aligned : normalizer(aligned));
}

function form(name: NormalForm): () => AlignedNormalizer {
  return () => unlessAscii((aligned) => aligned.rewrite(rewriteToForm(aligned.text, name, aligned.work)));
}

/** The order is the reference's: clean, ideographs, accents, case. */
function bertNormalizer(config: Json): AlignedNormalizer {
  const lowers = flag(config.lowercase, true);
  const stages: AlignedNormalizer[] = [];
  if (flag(config.clean_text, true)) stages.push(each(removeControls), each(plainSpaces));
  if (flag(config.handle_chinese_chars, true)) stages.push(unlessAscii(each(spaceIdeograph)));
  if (flag(config.strip_accents, lowers)) stages.push(form('NFD')(), unlessAscii(each(removeNonspacingMarks)));
  if (lowers) stages.push(each(lowercase));
  return (text) => stages.reduce((current, stage) => stage(current), text);
}

const spaceIdeograph = (char: string): string => ((charFlags[char.codePointAt(0)!]! & FLAG_IDEOGRAPH) === 0 ? char : ` ${char} `);

function strip(config: Json): AlignedNormalizer {
  const left = flag(config.strip_left, true);
  const right = flag(config.strip_right, true);
  const isSpace = (code: number): boolean => (charFlags[code]! & FLAG_SPACE) !== 0;
  return (aligned) => {
    const { text } = aligned;
    let start = 0;
    let end = text.length;
    if (left) while (start < end && isSpace(text.charCodeAt(start))) start += 1;
    if (right) while (end > start && isSpace(text.charCodeAt(end - 1))) end -= 1;
    if (start === 0 && end === text.length) return aligned;
    const kept = text.slice(start, end);
    return aligned.rewrite({ text: kept, changes: eachOf(kept, () => 0, aligned.work) }, start);
  };
}

function replace(config: Json, where: string): AlignedNormalizer {
  const content = stringAt(config.content, `${where}.content`);
  const find =
    isObject(config.pattern) && typeof config.pattern.String === 'string'
      ? findText(config.pattern.String)
      : findPattern(compilePattern(config.pattern, `${where}.pattern`));
  return (aligned) => aligned.replace(find(aligned.text, aligned.work), content);
}

type Find = (text: string, work: Work) => Range[];

function findText(wanted: string): Find {
  return (text, work) => {
    const found: Range[] = [];
    if (wanted === '') return found;
    for (let start = text.indexOf(wanted); start >= 0; start = text.indexOf(wanted, start + wanted.length)) {
      work.spend(wanted.length);
      found.push({ start, end: start + wanted.length });
    }
    return found;
  };
}

function findPattern(pattern: RegExp): Find {
  return (text, work) => {
    const found: Range[] = [];
    for (const { 0: match, index } of regexShadow(text, work).matchAll(pattern)) {
      work.spend(match.length + 1);
      found.push({ start: index, end: index + match.length });
    }
    return found;
  };
}

const utf8 = new TextEncoder();

/** Every byte becomes a character of the byte alphabet and came from the whole character it is part of. */
export const alignBytes: AlignedNormalizer = each((char) => Array.from(utf8.encode(char), (byte) => BYTE_CHARS[byte]).join(''));

function precompiled(config: Json, where: string): AlignedNormalizer {
  if (config.precompiled_charsmap === null || config.precompiled_charsmap === '') return (text) => text;
  const charsmap = new Charsmap(stringAt(config.precompiled_charsmap, `${where}.precompiled_charsmap`), where);
  return (aligned) => aligned.rewrite(rewriteByCharsmap(aligned.text, charsmap, aligned.work));
}

/** A replacement that is shorter charges the difference to the last character written, even to that of an earlier one. */
function rewriteByCharsmap(text: string, charsmap: Charsmap, work: Work): Rewriting {
  const parts: string[] = [];
  const changes: number[] = [];
  for (const { source, replacement } of charsmap.lookups(text, work)) {
    work.spend(1);
    parts.push(replacement ?? source);
    const before = changes.length;
    for (const _ of replacement ?? source) changes.push(0);
    if (replacement === null) continue;
    const grown = changes.length - before - Array.from(source).length;
    if (grown > 0) changes.fill(1, changes.length - grown);
    else if (grown < 0 && changes.length > 0) changes[changes.length - 1]! += grown;
  }
  return { text: parts.join(''), changes };
}

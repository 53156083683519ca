// The normalizer block of tokenizer.json as text functions with the reference's behaviour. Only workers/tokenizer imports it.

import { applyBytes } from './byte-alphabet.ts';
import { Charsmap } from './charsmap.ts';
import { arrayAt, entryOf, failModel, flag, isObject, type Json, objectAt, stringAt } from './json.ts';
import { lastFreshStart, normalForm } from './normal-forms.ts';
import {
  lastNonSpace,
  prependStream,
  replaceStream,
  SPACES_PATTERN,
  spacesAtEnd,
  spacesAtStart,
  stripStream,
} from './normalizer-streams.ts';
import { compilePattern } from './regex.ts';
import { lastClusterStart } from './short-graphemes.ts';
import { rewriteChunks, rewriteHeld, type SinkMaker } from './text-sink.ts';
import {
  isAscii,
  lowercase,
  type NormalForm,
  plainSpaces,
  regexShadow,
  removeCombiningMarks,
  removeControls,
  removeNonspacingMarks,
  spaceIdeographs,
} from './unicode.ts';
import { UNENDING, type Work } from './work.ts';

/** Where a piece stands in its text: what is done only at a text's edges must not happen at a cut inside it. */
export interface Edges {
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

export const WHOLE: Edges = { isFirst: true, isLast: true };

/** A normaliser in two ways that give the same text. */
export interface Normalizer {
  /** For a text of bounded length. */
  readonly whole: (text: string, edges: Edges) => string;
  /** For any text, in chunks, reading no further than its reader. */
  readonly stream: SinkMaker;
}

/**
 * Builds the normaliser.
 *
 * @param config the `normalizer` block; null gives the identity
 * @throws RerankError `model_files` for a type or pattern we do not know
 */
export function createNormalizer(config: unknown, where: string): Normalizer {
  if (config === null || config === undefined) return IDENTITY;
  const block = objectAt(config, where);
  const type = stringAt(block.type, `${where}.type`);
  const make = entryOf(FACTORIES, type);
  return make === undefined ? failModel(where, `unknown normalizer ${type}`) : make(block, where);
}

const IDENTITY: Normalizer = { whole: (text) => text, stream: (next) => next };

const FACTORIES: Readonly<Record<string, (config: Json, where: string) => Normalizer>> = {
  BertNormalizer: bertNormalizer,
  Sequence: (config, where) => {
    const stages = arrayAt(config.normalizers, `${where}.normalizers`).map((stage, i) =>
      createNormalizer(stage, `${where}.normalizers[${i}]`),
    );
    return {
      whole: (text, edges) => stages.reduce((current, stage) => stage.whole(current, edges), text),
      stream: inOrder(stages),
    };
  },
  NFC: form('NFC'),
  NFD: form('NFD'),
  NFKC: form('NFKC'),
  NFKD: form('NFKD'),
  Lowercase: () => perCharacter(lowercase),
  Strip: strip,
  StripAccents: () => perCharacter((text) => (isAscii(text) ? text : removeCombiningMarks(text))),
  Prepend: (config, where) => {
    const prefix = stringAt(config.prepend, `${where}.prepend`);
    return { whole: (text, { isFirst }) => (isFirst && text !== '' ? prefix + text : text), stream: prependStream(prefix) };
  },
  Replace: replace,
  Nmt: () => perCharacter(normalizeNmt),
  ByteLevel: () => perCharacter((text) => applyBytes(text)),
  Precompiled: (config, where) => {
    // Some exports leave the map empty: nothing is replaced then.
    if (config.precompiled_charsmap === null || config.precompiled_charsmap === '') return IDENTITY;
    const charsmap = new Charsmap(stringAt(config.precompiled_charsmap, `${where}.precompiled_charsmap`), where);
    return {
      whole: (text) => charsmap.normalize(text),
      stream: rewriteHeld((text, work) => charsmap.normalize(text, work), lastClusterStart, 4),
    };
  },
};

/** What rewrites every character for itself can be cut anywhere. */
function perCharacter(rewrite: (text: string) => string): Normalizer {
  return { whole: rewrite, stream: rewriteChunks(rewrite) };
}

function inOrder(stages: readonly Normalizer[]): SinkMaker {
  return (next, work) => stages.reduceRight((sink, stage) => stage.stream(sink, work), next);
}

function form(name: NormalForm): () => Normalizer {
  return () => ({
    whole: (text) => normalForm(text, name),
    stream: rewriteHeld((text, work) => normalForm(text, name, work), lastFreshStart, 2),
  });
}

/** The order is the reference's: clean, ideographs, accents, case. */
function bertNormalizer(config: Json): Normalizer {
  const cleans = flag(config.clean_text, true);
  const spacesIdeographs = flag(config.handle_chinese_chars, true);
  const lowers = flag(config.lowercase, true);
  const stripsAccents = flag(config.strip_accents, lowers);
  const stages: Normalizer[] = [];
  if (cleans) stages.push(perCharacter((text) => plainSpaces(removeControls(text))));
  if (spacesIdeographs) stages.push(perCharacter(spaceIdeographs));
  if (stripsAccents) stages.push(form('NFD')(), perCharacter(removeNonspacingMarks));
  if (lowers) stages.push(perCharacter(lowercase));
  return {
    stream: inOrder(stages),
    whole(text) {
      let current = cleans ? plainSpaces(removeControls(text)) : text;
      if (!isAscii(current)) {
        if (spacesIdeographs) current = spaceIdeographs(current);
        if (stripsAccents) current = removeNonspacingMarks(normalForm(current, 'NFD'));
      }
      return lowers ? lowercase(current) : current;
    },
  };
}

function strip(config: Json): Normalizer {
  const left = flag(config.strip_left, true);
  const right = flag(config.strip_right, true);
  return {
    stream: stripStream(left, right),
    whole(text, { isFirst, isLast }) {
      const start = left && isFirst ? spacesAtStart(text) : 0;
      return text.slice(start, right && isLast ? Math.max(start, spacesAtEnd(text)) : undefined);
    },
  };
}

function replace(config: Json, where: string): Normalizer {
  const content = stringAt(config.content, `${where}.content`);
  if (isObject(config.pattern) && typeof config.pattern.String === 'string') {
    const wanted = config.pattern.String;
    if (wanted === '') return IDENTITY;
    return { whole: (text) => text.replaceAll(wanted, () => content), stream: replaceStream(wanted, content) };
  }
  const pattern = compilePattern(config.pattern, `${where}.pattern`);
  const isSpaces = isObject(config.pattern) && config.pattern.Regex === SPACES_PATTERN;
  const rewrite = (text: string, work = UNENDING): string => replaceMatches(text, pattern, content, work);
  return { whole: (text) => rewrite(text), stream: rewriteHeld(rewrite, isSpaces ? lastNonSpace : null, 2) };
}

function replaceMatches(text: string, pattern: RegExp, content: string, work: Work): string {
  const shadow = regexShadow(text, work);
  let out = '';
  let end = 0;
  for (const match of shadow.matchAll(pattern)) {
    out += text.slice(end, match.index) + content;
    work.spend(match.index + match[0].length - end + 1);
    end = match.index + match[0].length;
  }
  return end === 0 && out === '' ? text : out + text.slice(end);
}

const NMT_REMOVED = /[\x01-\x08\x0b\x0e-\x1f\x7f\x8f\x9f]/g;
const NMT_SPACES = /[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/g;

/** What sentencepiece's nmt rules drop and turn into spaces. */
export function normalizeNmt(text: string): string {
  return text.replace(NMT_REMOVED, '').replace(NMT_SPACES, ' ');
}

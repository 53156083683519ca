// Where a long text can be cut so that the parts give the ids of the whole. Only workers/tokenizer imports it.

import type { AddedTokenMatcher } from './added-tokens.ts';
import { flag, isObject, type Json } from './json.ts';
import { stageBlocks } from './pre-tokenizers.ts';

/**
 * Letters and digits beside which a plain space is a safe place: they are starters, no normaliser makes them a space or
 * nothing, none of them joins what follows into a grapheme, and no known pattern spans letter and space.
 */
export const SOLID =
  '0-9A-Za-z\\u00c0-\\u00d6\\u00d8-\\u00f6\\u00f8-\\u00ff\\u03b1-\\u03c9\\u0410-\\u044f\\u05d0-\\u05ea\\u0621-\\u063a\\u0641-\\u064a\\u0915-\\u0939' +
  '\\u0e01-\\u0e2e\\u3041-\\u3096\\u30a1-\\u30fa\\u4e00-\\u9fff\\uac00-\\ud7a3';
const BEFORE_SPACE = `[${SOLID}](?= [${SOLID}])`;
const BETWEEN_IDEOGRAPHS = '[\\u4e00-\\u9fff](?=[\\u4e00-\\u9fff])';
const BEFORE_IDEOGRAPHIC_MARK = '[\\u4e00-\\u9fff](?=[\\uff0c\\u3002\\u3001\\uff1b\\uff1a\\uff1f\\uff01][\\u4e00-\\u9fff])';
/** A text that contains this reaches over a cut. */
const OVER_A_CUT = new RegExp(`[${SOLID}] |[\\u4e00-\\u9fff][\\u4e00-\\u9fff\\uff0c\\u3002\\u3001\\uff1b\\uff1a\\uff1f\\uff01]`);
const ENDS_SOLID = new RegExp(`[${SOLID}]$`);

/** Patterns of GPT-2, cl100k, Llama 3, Qwen 2 and o200k: none looks back, none has a match over letter and space. */
const KNOWN_PATTERNS = new Set([
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,2}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
]);

const LOCAL_NORMALIZERS = new Set([
  'BertNormalizer',
  'NFC',
  'NFD',
  'NFKC',
  'NFKD',
  'Lowercase',
  'Strip',
  'StripAccents',
  'Prepend',
  'Nmt',
  'Precompiled',
]);
const LOCAL_PRE_TOKENIZERS = new Set([
  'BertPreTokenizer',
  'Whitespace',
  'WhitespaceSplit',
  'Punctuation',
  'Digits',
  'Metaspace',
  'ByteLevel',
]);
const SPACE_SPLITTERS = new Set(['BertPreTokenizer', 'Whitespace', 'WhitespaceSplit', 'Split']);

export interface CutFacts {
  readonly normalizer: unknown;
  readonly preTokenizer: unknown;
  readonly matchers: readonly AddedTokenMatcher[];
}

/**
 * A pattern whose every match ends at a place where the text can be cut, or null when no place is known to be safe.
 *
 * The part behind a cut begins with a space (or, where allowed, an ideograph or its mark), so that prefix spaces are
 * not added there, and no added token reaches over a cut.
 */
export function cutPattern({ normalizer, preTokenizer, matchers }: CutFacts): RegExp | null {
  const normalizers = stageBlocks(normalizer, 'normalizers');
  const stages = stageBlocks(preTokenizer, 'pretokenizers');
  if (!normalizers.every(isLocalNormalizer) || !stages.every(isLocalPreTokenizer) || !stages.some(splitsAtSpace)) return null;
  if (
    matchers.some(({ tokens }) =>
      tokens.some(({ text, token }) => OVER_A_CUT.test(text) || (token.stripsRight && ENDS_SOLID.test(text))),
    )
  ) {
    return null;
  }
  const sources = [BEFORE_SPACE];
  const isBert = normalizers.length === 1 && stages.length === 1 && stages[0]?.type === 'BertPreTokenizer';
  if (isBert && normalizers[0]?.type === 'BertNormalizer' && flag(normalizers[0].handle_chinese_chars, true))
    sources.push(BETWEEN_IDEOGRAPHS);
  if (stages.every(keepsTextStart)) sources.push(BEFORE_IDEOGRAPHIC_MARK);
  return new RegExp(sources.join('|'), 'g');
}

function isLocalNormalizer(block: Json): boolean {
  if (typeof block.type === 'string' && LOCAL_NORMALIZERS.has(block.type)) return true;
  if (block.type !== 'Replace' || !isObject(block.pattern)) return false;
  const { String: text, Regex: regex } = block.pattern;
  return regex === ' {2,}' || (typeof text === 'string' && (text === ' ' || !new RegExp(`[ ${SOLID}]`).test(text)));
}

function isLocalPreTokenizer(block: Json): boolean {
  if (block.type === 'Split') return isKnownSplit(block);
  return typeof block.type === 'string' && LOCAL_PRE_TOKENIZERS.has(block.type);
}

/** Whether no match of the block's pattern reaches over a letter and the space behind it. */
export function isKnownSplit({ pattern, behavior, invert }: Json): boolean {
  if (!isObject(pattern) || typeof pattern.Regex !== 'string' || !KNOWN_PATTERNS.has(pattern.Regex)) return false;
  return behavior === 'Isolated' || (behavior === 'Removed' && invert === true);
}

function splitsAtSpace(block: Json): boolean {
  if (block.type === 'Metaspace') return flag(block.split, true);
  if (block.type === 'ByteLevel') return flag(block.use_regex, true);
  return typeof block.type === 'string' && SPACE_SPLITTERS.has(block.type);
}

/** Whether a part that begins with an ideographic mark gets nothing put before it. */
function keepsTextStart(block: Json): boolean {
  if (block.type === 'ByteLevel') return !flag(block.add_prefix_space, true);
  return block.type === 'Split';
}

// The words of a text in batches, so that a long text is split no further than its ids are wanted. Only workers/tokenizer imports it.

import { applyBytes } from './byte-alphabet.ts';
import { isKnownSplit } from './cuts.ts';
import { flag, isObject, type Json } from './json.ts';
import {
  behaviorOf,
  createPreTokenizer,
  gpt2PieceEnd,
  type PreTokenizer,
  stageBlocks,
  type TextStart,
} from './pre-tokenizers.ts';
import { compilePattern, lazyParts } from './regex.ts';
import type { LastCut } from './text-sink.ts';
import { lastWordCut } from './word-cuts.ts';
import type { Work } from './work.ts';

/** Texts up to this many units are split at once. */
const SHORT_UNITS = 8192;
/** Pieces of the first stage that go through the others together. */
const BATCH_PIECES = 256;

/** The words of a text. */
export interface WordStream {
  /** Batches of words, in order; `isAtStart` tells whether the text begins where the caller's text begins. */
  readonly split: (text: string, isAtStart: boolean, work: Work) => Iterable<readonly string[]>;
  /** Where a text can be cut so that the parts give the words of the whole; null for nowhere. */
  readonly lastCut: LastCut | null;
  /** Whether a single word stays one when text is added, but for a few units at its end. */
  readonly isOpenEnded: boolean;
}

/** Pieces of the first stage, one at a time. */
type LazySplit = (text: string, work: Work) => Iterable<string>;

/**
 * Builds the stream for a `pre_tokenizer` block; its batches joined are what {@link createPreTokenizer} gives.
 *
 * @throws RerankError `model_files` for a type or pattern we do not know
 */
export function createWordStream(config: unknown, where: string): WordStream {
  const whole = createPreTokenizer(config, where);
  const blocks = stageBlocks(config, 'pretokenizers');
  const lastCut = lastWordCut(blocks[0], where);
  const known = { lastCut, isOpenEnded: blocks.every(isOpenEnded) };
  const lazy = blocks[0] === undefined ? null : lazySplit(blocks[0], where);
  if (lazy === null) return { ...known, split: (text, isAtStart, work) => [whole([text], { isAtStart, work })] };
  const rest = createPreTokenizer({ type: 'Sequence', pretokenizers: blocks.slice(1) }, where);
  return {
    ...known,
    split: (text, isAtStart, work) =>
      text.length <= SHORT_UNITS ? [whole([text], { isAtStart, work })] : batches(lazy(text, work), rest, { isAtStart, work }),
  };
}

/** Stages that look no further than two characters behind what they split off. */
const OPEN_ENDED = new Set([
  'BertPreTokenizer',
  'ByteLevel',
  'CharDelimiterSplit',
  'Digits',
  'Metaspace',
  'Punctuation',
  'Whitespace',
  'WhitespaceSplit',
]);

function isOpenEnded(block: Json): boolean {
  if (block.type !== 'Split') return typeof block.type === 'string' && OPEN_ENDED.has(block.type);
  return isKnownSplit(block) || (isObject(block.pattern) && typeof block.pattern.String === 'string');
}

function* batches(pieces: Iterable<string>, rest: PreTokenizer, start: TextStart): Generator<string[]> {
  let batch: string[] = [];
  for (const piece of pieces) {
    batch.push(piece);
    if (batch.length < BATCH_PIECES) continue;
    yield rest(batch, start);
    start.isAtStart = false;
    batch = [];
  }
  yield rest(batch, start);
}

/** A first stage whose pieces do not depend on what follows them; null for the others. */
function lazySplit(block: Json, where: string): LazySplit | null {
  if (block.type === 'ByteLevel') return flag(block.use_regex, true) ? lazyByteLevel(flag(block.add_prefix_space, true)) : null;
  if (block.type !== 'Split') return null;
  const behavior = behaviorOf(block.behavior, where);
  if (behavior !== 'Isolated' && behavior !== 'Removed') return null;
  const pattern = compilePattern(block.pattern, where);
  const removed = behavior === 'Removed' ? !flag(block.invert, false) : null;
  return function* (text, work) {
    for (const { start, end, isMatch } of lazyParts(text, pattern, work))
      if (end > start && isMatch !== removed) yield text.slice(start, end);
  };
}

function lazyByteLevel(addsPrefixSpace: boolean): LazySplit {
  return function* (text, work) {
    const spaced = addsPrefixSpace && !text.startsWith(' ') ? ` ${text}` : text;
    for (let start = 0; start < spaced.length; ) {
      const end = gpt2PieceEnd(spaced, start);
      work.spend(end - start);
      yield applyBytes(spaced.slice(start, end), work);
      start = end;
    }
  };
}

// The words of a text in batches, so that a long text is split no further than its ids are wanted. Only workers/tokenizer imports it.

import { applyBytes } from './byte-alphabet.ts';
import { flag, type Json } from './json.ts';
import { behaviorOf, createPreTokenizer, gpt2PieceEnd, type PreTokenizer, stageBlocks } from './pre-tokenizers.ts';
import { compilePattern, lazyParts } from './regex.ts';

/** Texts up to this many units are split at once. */
const SHORT_UNITS = 8192;
/** Pieces of the first stage that go through the others together. */
const BATCH_PIECES = 256;

/** Batches of words, in order; `isAtStart` tells whether the text begins where the caller's text begins. */
export type WordStream = (text: string, isAtStart: boolean) => Iterable<readonly string[]>;

/** Pieces of the first stage, one at a time. */
type LazySplit = (text: string) => Iterable<string>;

/**
 * Builds the stream for a `pre_tokenizer` block; its batches joined are what {@link createPreTokenizer} gives.
 *
 * @throws RerankError `model_files` for a type or pattern we do not know
 */
export function createWordStream(config: unknown, where: string): WordStream {
  const whole = createPreTokenizer(config, where);
  const blocks = stageBlocks(config, 'pretokenizers');
  const split = blocks[0] === undefined ? null : lazySplit(blocks[0], where);
  if (split === null) return (text, isAtStart) => [whole([text], { isAtStart })];
  const rest = createPreTokenizer({ type: 'Sequence', pretokenizers: blocks.slice(1) }, where);
  return (text, isAtStart) =>
    text.length <= SHORT_UNITS ? [whole([text], { isAtStart })] : batches(split(text), rest, isAtStart);
}

function* batches(pieces: Iterable<string>, rest: PreTokenizer, isAtStart: boolean): Generator<string[]> {
  const start = { isAtStart };
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
  return function* (text) {
    for (const { start, end, isMatch } of lazyParts(text, pattern))
      if (end > start && isMatch !== removed) yield text.slice(start, end);
  };
}

function lazyByteLevel(addsPrefixSpace: boolean): LazySplit {
  return function* (text) {
    const spaced = addsPrefixSpace && !text.startsWith(' ') ? ` ${text}` : text;
    for (let start = 0; start < spaced.length; ) {
      const end = gpt2PieceEnd(spaced, start);
      yield applyBytes(spaced.slice(start, end));
      start = end;
    }
  };
}

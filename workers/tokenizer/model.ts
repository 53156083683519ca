// The model block of tokenizer.json: which algorithm turns a word into token ids. Only workers/tokenizer imports it.

import { Bpe } from './bpe.ts';
import { failModel, isObject, type Json, objectAt, typeNameOf } from './json.ts';
import type { TokenBuffer } from './token-buffer.ts';
import { Unigram } from './unigram.ts';
import { WordLevel } from './word-level.ts';
import { WordPiece } from './word-piece.ts';
import type { Work } from './work.ts';

/** A token of a word: what it is called, and where it stands, `[start, end)` in UTF-16 units. */
export interface PlacedToken {
  readonly id: number;
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** Turns words into ids. */
export interface TokenModel {
  readonly size: number;
  /**
   * Pushes the ids of one word, which is not empty. Once the buffer is full a model may stop: the ids that were
   * pushed are those the whole word begins with.
   *
   * @throws RerankError `model_files` when the word needs an unknown token the model does not have
   * @throws NotWanted
   */
  tokenize(word: string, out: TokenBuffer): void;
  /**
   * Fills the buffer with ids of a word of which only the beginning is known: says false and pushes nothing when they are not
   * decided yet. A model without it waits for the end of the word.
   */
  readonly tokenizeBeginning?: (beginning: string, out: TokenBuffer) => boolean;
  /**
   * The tokens of one word, which is not empty, with their places: slower, and the same ids as {@link tokenize} without a limit.
   *
   * @throws RerankError as tokenize
   */
  place(word: string, work: Work): PlacedToken[];
  /** Id of a token text, -1 when unknown. */
  idOf(token: string): number;
}

/** @throws RerankError `model_files` */
export function createModel(config: unknown, where: string): TokenModel {
  const block = objectAt(config, where);
  switch (modelType(block)) {
    case 'WordPiece':
      return new WordPiece(block, where);
    case 'BPE':
      return new Bpe(block, where);
    case 'Unigram':
      return new Unigram(block, where);
    case 'WordLevel':
      return new WordLevel(block, where);
    default:
      return failModel(where, `unknown model type ${typeNameOf(block)}`);
  }
}

/** Files older than the `type` field are told apart by their fields, in the reference's order. */
function modelType(block: Json): unknown {
  if (typeof block.type === 'string') return block.type;
  if (Array.isArray(block.vocab)) return 'Unigram';
  if (Array.isArray(block.merges)) return 'BPE';
  return isObject(block.vocab) && 'continuing_subword_prefix' in block ? 'WordPiece' : 'WordLevel';
}

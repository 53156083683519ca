// One text -> its tokens as they are shown: ids, bytes, text, special tokens around them. Only workers/pair-encoder imports it.

import type { TextTokens } from '../src/protocol.ts';
import type { AlignedToken } from './tokenizer/aligned/aligned-encoder.ts';
import type { LoadedTokenizer } from './tokenizer/load.ts';
import type { TemplatePart } from './tokenizer/template.ts';
import { wellFormed } from './tokenizer/unicode.ts';
import type { Work } from './tokenizer/work.ts';

/** Where a special token stands that is in no text. */
const NOWHERE = -1;

/**
 * Tokens of a text of any length. Lone surrogates count as U+FFFD.
 *
 * @param addSpecialTokens whether those of the tokenizer's form for one text stand around it
 * @throws NotWanted
 */
export function tokenizeText(tokenizer: LoadedTokenizer, text: string, addSpecialTokens: boolean, work: Work): TextTokens {
  const clean = wellFormed(text, work);
  const tokens = tokenizer.aligned().encode(clean, work);
  const bytes = Buffer.from(clean);
  const shown = tokens.map((token) => ({ ...token, text: bytes.toString('utf8', token.start, token.stop) }));
  const all = addSpecialTokens ? tokenizer.templates.single.parts.flatMap((part) => tokensOf(part, shown)) : shown;
  return {
    ids: Int32Array.from(all, ({ id }) => id),
    starts: Int32Array.from(all, ({ start }) => start),
    stops: Int32Array.from(all, ({ stop }) => stop),
    texts: all.map((token) => token.text),
  };
}

function tokensOf(part: TemplatePart, texts: readonly AlignedToken[]): readonly AlignedToken[] {
  if (part.kind !== 'ids') return part.kind === 'A' ? texts : [];
  return part.ids.map((id, index) => ({ id, text: part.tokens[index] ?? '', start: NOWHERE, stop: NOWHERE }));
}

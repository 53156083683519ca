// One text -> its tokens and the bytes they came from: what /tokenize shows. Slower than ../text-encoder.ts, same ids.
// Only workers/tokenizer/load.ts makes one; scoring never does.

import type { AddedTokenMatcher, Section } from '../added-tokens.ts';
import type { TokenModel } from '../model.ts';
import { UNENDING, type Work } from '../work.ts';
import { AlignedText } from './aligned-text.ts';
import type { AlignedNormalizer } from './normalizers.ts';
import type { OffsetTrim } from './offset-trim.ts';
import type { AlignedPreTokenizer } from './pre-tokenizers.ts';

/** A token and the bytes of the text (UTF-8) it came from, `[start, stop)`. */
export interface AlignedToken {
  readonly id: number;
  /** As the vocabulary has it; of an added token, what was found in the text. */
  readonly text: string;
  readonly start: number;
  readonly stop: number;
}

export interface AlignedStages {
  readonly rawTokens: AddedTokenMatcher;
  readonly normalize: AlignedNormalizer;
  readonly normalizedTokens: AddedTokenMatcher;
  readonly split: AlignedPreTokenizer;
  readonly model: TokenModel;
  readonly trims: readonly OffsetTrim[];
}

export class AlignedEncoder {
  readonly #stages: AlignedStages;

  constructor(stages: AlignedStages) {
    this.#stages = stages;
  }

  /**
   * All tokens of the text, without special tokens around them.
   *
   * @param text well-formed
   * @throws NotWanted
   */
  encode(text: string, work: Work = UNENDING): AlignedToken[] {
    const { rawTokens, normalizedTokens, normalize, trims } = this.#stages;
    const out: AlignedToken[] = [];
    for (const raw of parts(AlignedText.of(text, work), rawTokens)) {
      if (raw.id >= 0) {
        out.push(addedToken(raw));
        continue;
      }
      for (const part of parts(normalize(raw.text), normalizedTokens)) {
        if (part.id >= 0) out.push(addedToken(part));
        else this.#encodePart(part.text, out);
      }
    }
    return trims.reduce<AlignedToken[]>((tokens, trim) => tokens.map(trim), out);
  }

  #encodePart(part: AlignedText, out: AlignedToken[]): void {
    const { split, model } = this.#stages;
    for (const word of split([part])) {
      part.work.spend(word.text.length);
      for (const { id, text, start, end } of model.place(word.text, part.work)) out.push({ id, text, ...word.span(start, end) });
    }
  }
}

interface AlignedPart {
  readonly text: AlignedText;
  /** Of the added token it is, -1 for other text. */
  readonly id: Section['id'];
}

function parts(whole: AlignedText, matcher: AddedTokenMatcher): AlignedPart[] {
  return matcher.sections(whole.text, whole.work).map(({ start, end, id }) => ({ text: whole.slice(start, end), id }));
}

function addedToken({ text, id }: AlignedPart): AlignedToken {
  return { id, text: text.text, ...text.span(0, text.text.length) };
}

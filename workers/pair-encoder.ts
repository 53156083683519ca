// Query and document texts -> token ids as the reference tokenizer gives them. The scorer imports it.

import { RerankError } from '../src/errors.ts';
import type { ModelSpec, PairBatch } from '../src/protocol.ts';
import { type LoadedTokenizer, type LoadOptions, loadTokenizer } from './tokenizer/load.ts';
import { TemplateEncoder } from './tokenizer/pair-template.ts';
import type { Template } from './tokenizer/template.ts';
import { comparableLengths } from './tokenizer/text-encoder.ts';
import { keep, longestFirst } from './tokenizer/truncate.ts';

/** One pair as the model takes it. */
export interface EncodedPair {
  /** `[tokens]`, special tokens included. */
  readonly ids: Int32Array;
  /** `[tokens]`, which text a token belongs to, as the template says. */
  readonly typeIds: Int32Array;
  /** Whether query or document lost tokens. */
  readonly truncated: boolean;
}

/** Everything of the spec the encoder reads. */
export type PairEncoderSpec = Pick<
  ModelSpec,
  'tokenizerFile' | 'tokenizerConfig' | 'modelType' | 'doLowerCase' | 'maxLength' | 'pairTemplate'
>;

export class PairEncoder {
  /** Tokens a pair has beyond those of its texts: special tokens, and the literal text of a pair template. */
  readonly specialTokens: number;
  readonly #tokenizer: LoadedTokenizer;
  readonly #maxLength: number;
  readonly #template: TemplateEncoder | null;

  /** @throws RerankError `model_files` naming the file and what is wrong with it */
  constructor(spec: PairEncoderSpec, options: LoadOptions = {}) {
    this.#tokenizer = loadTokenizer(spec, options);
    this.#maxLength = spec.maxLength;
    this.#template = spec.pairTemplate === null ? null : new TemplateEncoder(this.#tokenizer, spec.pairTemplate);
    this.specialTokens = this.#template?.fixedTokens ?? this.#tokenizer.templates.pair.specialTokens;
  }

  /**
   * Encodes all pairs of a batch, in its order; each query and each document is tokenised once.
   *
   * @param isCancelled looked at before every document
   * @returns null when cancelled
   * @throws RerankError `validation` when the limit leaves no room for the text of a pair template
   */
  encodeBatch(batch: PairBatch, isCancelled: () => boolean): EncodedPair[] | null {
    const limit = this.#limit(batch.encode.maxLength);
    return this.#template === null
      ? this.#encodePlain(batch, limit, isCancelled)
      : this.#encodeTemplate(this.#template, batch, limit, isCancelled);
  }

  /**
   * Tokens a pair may have.
   *
   * The reference subtracts the special tokens from the limit without a check, so that a limit below them wraps around and
   * cuts nothing. We give the same ids as long as the model's own limit, which is never exceeded, allows them.
   */
  #limit(wanted: number | null): number {
    if (this.#maxLength < this.specialTokens) throw tooShort(this.#maxLength, this.specialTokens);
    const limit = Math.min(this.#maxLength, wanted ?? Number.POSITIVE_INFINITY);
    if (limit >= this.specialTokens) return limit;
    if (this.#template !== null) throw tooShort(limit, this.specialTokens);
    return this.#maxLength;
  }

  #encodePlain({ queries, documents, pairs }: PairBatch, limit: number, isCancelled: () => boolean): EncodedPair[] | null {
    const { text, templates, truncationSide: side } = this.#tokenizer;
    const budget = limit - templates.pair.specialTokens;
    const tokenize = (value: string): Int32Array => text.encode(value, budget + 1, side);
    const queryIds = new Array<Int32Array | undefined>(queries.length);
    const documentIds = new Array<Int32Array | undefined>(documents.length);
    const encoded: EncodedPair[] = [];
    for (let i = 0; i < pairs.length; i += 2) {
      if (isCancelled()) return null;
      const q = pairs[i]!;
      const d = pairs[i + 1]!;
      const query = queryIds[q] ?? tokenize(textAt(queries, q));
      const document = documentIds[d] ?? tokenize(textAt(documents, d));
      queryIds[q] = query;
      documentIds[d] = document;
      const lengths = comparableLengths(
        text,
        { ids: query, text: textAt(queries, q) },
        { ids: document, text: textAt(documents, d) },
        budget,
      );
      const shares = longestFirst(lengths[0], lengths[1], budget);
      const truncated = shares.query < query.length || shares.document < document.length;
      encoded.push({
        ...assemble(templates.pair, keep(query, shares.query, side), keep(document, shares.document, side)),
        truncated,
      });
    }
    return encoded;
  }

  #encodeTemplate(
    template: TemplateEncoder,
    { queries, documents, pairs }: PairBatch,
    limit: number,
    isCancelled: () => boolean,
  ): EncodedPair[] | null {
    const none = new Int32Array(0);
    const encoded: EncodedPair[] = [];
    template.reset();
    for (let i = 0; i < pairs.length; i += 2) {
      if (isCancelled()) return null;
      const { pieces, truncated } = template.encode(textAt(queries, pairs[i]!), textAt(documents, pairs[i + 1]!), limit);
      encoded.push({ ...assemble(template.frame, concatenate(pieces), none), truncated });
    }
    template.reset();
    return encoded;
  }
}

function tooShort(limit: number, taken: number): RerankError {
  const message = `max_length ${limit} leaves no room for text: the model's template takes ${taken} tokens`;
  return new RerankError('validation', message, { field: 'max_length' });
}

function textAt(texts: readonly string[], index: number): string {
  return texts[index] ?? missingText(index);
}

function missingText(index: number): never {
  throw new RerankError('internal', `a pair names text ${index}, which the batch does not have. This is a bug.`);
}

function concatenate(pieces: readonly Int32Array[]): Int32Array {
  const whole = new Int32Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** The template's ids and types with the texts in their places. */
function assemble({ parts }: Template, a: Int32Array, b: Int32Array): { ids: Int32Array; typeIds: Int32Array } {
  const idsOf = (part: Template['parts'][number]): ArrayLike<number> =>
    part.kind === 'ids' ? part.ids : part.kind === 'A' ? a : b;
  const length = parts.reduce((sum, part) => sum + idsOf(part).length, 0);
  const ids = new Int32Array(length);
  const typeIds = new Int32Array(length);
  let at = 0;
  for (const part of parts) {
    const partIds = idsOf(part);
    ids.set(partIds, at);
    if (part.typeId !== 0) typeIds.fill(part.typeId, at, at + partIds.length);
    at += partIds.length;
  }
  return { ids, typeIds };
}

// Query and document texts -> token ids as the reference tokenizer gives them. The scorer imports it.

import { RerankError } from '../src/errors.ts';
import type { EncodeOptions, ModelSpec, PairBatch, TextBatch, TextTokens } from '../src/protocol.ts';
import { EncodedQueries, type EncodeKey } from './encoded-queries.ts';
import { documentTokensNeeded, type FitRule, fitPair } from './fit-pair.ts';
import { tokenizeText } from './text-tokens.ts';
import { type LoadedTokenizer, type LoadOptions, loadTokenizer } from './tokenizer/load.ts';
import { TemplateEncoder } from './tokenizer/pair-template.ts';
import type { Template } from './tokenizer/template.ts';
import type { CutText } from './tokenizer/text-encoder.ts';
import { keep } from './tokenizer/truncate.ts';
import { unlessNotWanted, Work } from './tokenizer/work.ts';

/** One row of a run: what the model takes. */
export interface TokenRow {
  /** `[tokens]`, special tokens included. */
  readonly ids: Int32Array;
  /** `[tokens]`, which text a token belongs to, as the template says. */
  readonly typeIds: Int32Array;
}

export interface EncodedPair {
  /** One; several when the document is in chunks. */
  readonly rows: readonly TokenRow[];
  /** Whether tokens of query or document are in no row. */
  readonly truncated: boolean;
}

/** Encoding with nothing but the model's own settings. */
export const PLAIN_ENCODING: EncodeOptions = Object.freeze({
  maxLength: null,
  truncationSide: null,
  maxTokensPerDocument: null,
  chunking: null,
});

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
  readonly #queries = new EncodedQueries();

  /** @throws RerankError `model_files` naming the file and what is wrong with it */
  constructor(spec: PairEncoderSpec, options: LoadOptions = {}) {
    this.#tokenizer = loadTokenizer(spec, options);
    this.#maxLength = spec.maxLength;
    this.#template = spec.pairTemplate === null ? null : new TemplateEncoder(this.#tokenizer, spec.pairTemplate);
    this.specialTokens = this.#template?.fixedTokens ?? this.#tokenizer.templates.pair.specialTokens;
  }

  /**
   * Encodes all pairs of a batch, in its order; each document is tokenised once, a query once for this and the batches that follow.
   *
   * @param isCancelled looked at before every pair, and inside of texts at least every {@link UNITS_BETWEEN_LOOKS} units
   * @returns null when cancelled
   * @throws RerankError `validation` when the limit leaves no room for the text of a pair template, or chunks would share more
   *   than half of what it leaves
   */
  encodeBatch(batch: PairBatch, isCancelled: () => boolean): EncodedPair[] | null {
    const rule = this.#rule(batch.encode);
    const task = { batch, rule, work: new Work(isCancelled) };
    const encode = this.#template === null ? this.#plain(task) : this.#inTemplate(this.#template, task);
    const encodeAlone = this.#alone(task);
    const { pairs, documents } = batch;
    return unlessNotWanted(() => {
      const encoded: EncodedPair[] = [];
      for (let i = 0; i < pairs.length; i += 2) {
        task.work.look();
        const [query, document] = [pairs[i]!, pairs[i + 1]!];
        encoded.push(documents[document] === null ? encodeAlone(query) : encode(query, document));
      }
      return encoded;
    });
  }

  /** Tokens of texts with their places; null when cancelled. @param isCancelled looked at as in {@link encodeBatch} */
  tokenize({ prompt, texts, addSpecialTokens }: TextBatch, isCancelled: () => boolean): TextTokens[] | null {
    const work = new Work(isCancelled);
    return unlessNotWanted(() => texts.map((text) => tokenizeText(this.#tokenizer, prompt + text, addSpecialTokens, work)));
  }

  #rule({ maxLength, truncationSide, maxTokensPerDocument, chunking }: EncodeOptions): FitRule {
    const budget = this.#limit(maxLength) - this.specialTokens;
    if (chunking !== null && 'tokens' in chunking.overlap && chunking.overlap.tokens > budget / 2)
      throw tooMuchShared(chunking.overlap.tokens, budget);
    return {
      budget,
      side: truncationSide ?? this.#tokenizer.truncationSide,
      maxDocumentTokens: maxTokensPerDocument ?? Number.POSITIVE_INFINITY,
      chunking,
    };
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

  #plain({ batch, rule, work }: EncodeTask): EncodeByIndex {
    const { text, templates } = this.#tokenizer;
    const ofQuery = { limit: rule.budget + 1, side: rule.side };
    const encodeQuery = once(queriesOf(batch), (value) => this.#encodeQuery(value, ofQuery, work));
    const encodeDocument = once(batch.documents, (value) => text.encode(value, documentTokensNeeded(rule), rule.side, work));
    return (query, document) => {
      const fitted = fitPair({ encoder: text, work }, encodeQuery(query), encodeDocument(document), rule);
      const rows = fitted.documents.map((ids) => assemble(templates.pair, fitted.query, ids));
      return { rows, truncated: fitted.truncated };
    };
  }

  #inTemplate(template: TemplateEncoder, { batch, rule, work }: EncodeTask): EncodeByIndex {
    return (query, document) => {
      const { rows, truncated } = template.encode(queryAt(batch, query), textAt(batch.documents, document), rule, work);
      return { rows: rows.map((pieces) => assemble(template.frame, concatenate(pieces), NONE)), truncated };
    };
  }

  /** A text without a second one: the tokenizer's own form for it, whatever the form of pairs. */
  #alone({ batch, rule: { side }, work }: EncodeTask): (query: number) => EncodedPair {
    const { single } = this.#tokenizer.templates;
    const limit = Math.min(this.#maxLength, batch.encode.maxLength ?? Number.POSITIVE_INFINITY);
    const room = Math.max(limit - single.specialTokens, 0);
    return (query) => {
      const ids = this.#encodeQuery(queryAt(batch, query), { limit: room + 1, side }, work);
      const kept = keep(ids, room, side);
      return { rows: [assemble(single, kept, NONE)], truncated: kept.length < ids.length };
    };
  }

  #encodeQuery(text: string, key: EncodeKey, work: Work): Int32Array {
    return this.#queries.get(text, key, work, () => this.#tokenizer.text.encode(text, key.limit, key.side, work));
  }
}

/** One batch's encoding. */
interface EncodeTask {
  readonly batch: PairBatch;
  readonly rule: FitRule;
  readonly work: Work;
}

/** @param query, document places in the batch's lists */
type EncodeByIndex = (query: number, document: number) => EncodedPair;

const NONE = new Int32Array(0);

/** Texts of a batch, by their index. */
type Texts = readonly (string | null)[] | { readonly length: number; readonly at: (index: number) => string };

/** Ids of a batch's texts by their index, made when first asked for. */
function once(texts: Texts, encode: (text: string) => Int32Array): (index: number) => CutText {
  const known = new Array<CutText | undefined>(texts.length);
  return (index) => {
    const text = texts.at(index) ?? missingText(index);
    const cut = known[index] ?? { text, ids: encode(text) };
    known[index] = cut;
    return cut;
  };
}

function tooShort(limit: number, taken: number): RerankError {
  const message = `max_length ${limit} leaves no room for text: the model's template takes ${taken} tokens`;
  return new RerankError('validation', message, { field: 'max_length' });
}

function tooMuchShared(overlap: number, budget: number): RerankError {
  const message = `chunks cannot share ${overlap} tokens: at most half of the ${budget} that the limit leaves for query and document`;
  return new RerankError('validation', message, { field: 'chunk_overlap' });
}

/** A query behind the batch's prompt. They are joined here, one at a time: the prompt may be large, and the queries many. */
function queryAt({ prompt, queries }: PairBatch, index: number): string {
  return prompt + textAt(queries, index);
}

function queriesOf(batch: PairBatch): Texts {
  return { length: batch.queries.length, at: (index) => queryAt(batch, index) };
}

function textAt(texts: readonly (string | null)[], index: number): string {
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
function assemble({ parts }: Template, a: Int32Array, b: Int32Array): TokenRow {
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

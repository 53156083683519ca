// vLLM's dialect: rerank (documents always come back) and score.
// See https://github.com/vllm-project/vllm/tree/main/vllm/entrypoints/pooling/scoring

import { STATUS_CODES } from 'node:http';
import { z } from 'zod';
import { RerankError } from '../../errors.ts';
import type { PredictRequest, PredictResult, RankRequest, RankResult, ScoringOptions } from '../../rerank/types.ts';
import type { Dialect, ErrorAnswer, ModelFacts, Parsed, RenderContext } from './dialect.ts';
import { notAReranker, predictRoute, rankRoute } from './routes.ts';
import { contentText, isObject } from './shared/documents.ts';
import { atLeast, flag, lenientBody, optionalName, side, whole } from './shared/fields.ts';
import { modelsRoute } from './shared/openai.ts';
import { type Form, listOf, single } from './shared/reading.ts';
import { expected, hasField } from './shared/validation.ts';
import {
  BAD_REQUEST,
  rankedItem,
  rankedItems,
  statusIn,
  unixSeconds,
  usage,
  usageSchema,
  vendorScoring,
} from './shared/vendor.ts';

const WRONG_TEXT = { error: 'must be a string, or an object whose content is text parts' };

/** Parts of any kind; {@link textOf} refuses those that are no text. */
interface ContentParts {
  readonly content: readonly { readonly type: string }[];
}

type Input = string | (ContentParts & Readonly<Record<string, unknown>>);

/** A text, or OpenAI's content parts. */
const input: Form<Input> = {
  schema: z.union([z.string(), z.looseObject({ content: listOf(contentPart(), WRONG_TEXT) })], WRONG_TEXT),
  read: (given) => (typeof given === 'string' || hasContent(given) ? given : undefined),
};

const WRONG_INPUTS = 'must be a text or a list of texts';
const inputs = z.union([single(input), listOf(input, { error: WRONG_INPUTS })], expected(WRONG_INPUTS));

function contentPart(): Form<unknown> {
  return { schema: z.looseObject({ type: z.string() }), read: (given) => (isPart(given) ? given : undefined) };
}

function hasContent(given: unknown): given is ContentParts & Readonly<Record<string, unknown>> {
  return isObject(given) && Array.isArray(given.content) && given.content.every(isPart);
}

function isPart(given: unknown): given is { readonly type: string } {
  return isObject(given) && typeof given.type === 'string';
}

const scoringFields = {
  model: optionalName(),
  truncate_prompt_tokens: whole().min(-1, { error: 'must be at least -1' }).nullish(),
  truncation_side: side(),
  max_tokens_per_doc: atLeast(0),
  use_activation: flag(),
  /** Old name of use_activation, which wins when both are given. */
  activation: flag(),
};

const rerankSchema = lenientBody({ query: single(input), documents: inputs, top_n: whole().nullish(), ...scoringFields });

/** The same two sides under every pair of names vLLM takes. */
const scoreSchema = lenientBody({
  text_1: inputs.nullish(),
  text_2: inputs.nullish(),
  queries: inputs.nullish(),
  documents: inputs.nullish(),
  items: inputs.nullish(),
  data_1: inputs.nullish(),
  data_2: inputs.nullish(),
  ...scoringFields,
});

type ScoringFields = z.output<z.ZodObject<typeof scoringFields>>;

/** The documents: every one comes back with its score. */
type RerankView = readonly string[];

function readRerank(fields: z.output<typeof rerankSchema>, facts: ModelFacts): Parsed<RankRequest, RerankView> {
  const documents = textsOf(fields.documents, 'documents');
  if (documents.length === 0)
    throw new RerankError('empty_input', 'At least one text_pair element must be given', { field: 'documents' });
  const topN = fields.top_n ?? 0;
  return {
    request: {
      ...scoringOptions(fields, facts),
      query: textOf(fields.query, 'query'),
      documents,
      topK: topN > 0 ? topN : null,
    },
    view: documents,
    model: fields.model,
  };
}

function renderRerank(result: RankResult, documents: RerankView, { requestId }: RenderContext): unknown {
  return {
    id: `rerank-${requestId}`,
    model: result.model,
    usage: usage(result.totalTokens),
    results: rankedItems(result.results, (index) => ({ text: documents[index], multi_modal: null })),
  };
}

function readScore(fields: z.output<typeof scoreSchema>, facts: ModelFacts): Parsed<PredictRequest, null> {
  const { labels } = facts.model;
  if (labels.length !== 1) throw notAReranker(labels.length);
  const first = oneSide(fields, ['text_1', 'queries', 'data_1']);
  const second = oneSide(fields, ['text_2', 'documents', 'items', 'data_2']);
  return { request: { ...scoringOptions(fields, facts), pairs: pairUp(first, second) }, view: null, model: fields.model };
}

function oneSide<Name extends keyof z.output<typeof scoreSchema>>(
  fields: z.output<typeof scoreSchema>,
  names: readonly (Name & string)[],
): readonly string[] {
  const name = names.find((candidate) => (fields[candidate] ?? null) !== null);
  if (name === undefined) throw new RerankError('validation', `${names.join(' or ')} is required`, { field: names[0]! });
  return textsOf(fields[name] as z.output<typeof inputs>, name);
}

/** 1:1, 1:N or N:N. */
function pairUp(first: readonly string[], second: readonly string[]): (readonly [string, string])[] {
  if (first.length === 0) throw new RerankError('empty_input', 'At least one text element must be given');
  if (second.length === 0) throw new RerankError('empty_input', 'At least one text_pair element must be given');
  if (first.length > 1 && first.length !== second.length) {
    throw new RerankError('validation', 'Input lengths must be either 1:1, 1:N or N:N');
  }
  return second.map((document, index) => [first[first.length === 1 ? 0 : index]!, document] as const);
}

function renderScore(result: PredictResult, _view: null, { requestId }: RenderContext): unknown {
  return {
    id: `score-${requestId}`,
    object: 'list',
    created: unixSeconds(),
    model: result.model,
    data: Array.from(result.scores, (score, index) => ({ index, object: 'score', score })),
    usage: usage(result.totalTokens),
  };
}

/**
 * vLLM refuses what is too long unless `truncate_prompt_tokens` is given. Here the model's limit always cuts, so that one long
 * document fails no request; the field lowers the limit of the pair, -1 being the model's own.
 */
function scoringOptions(fields: ScoringFields, { model }: ModelFacts): ScoringOptions {
  const pairTokens = fields.truncate_prompt_tokens ?? -1;
  const documentTokens = fields.max_tokens_per_doc ?? 0;
  if (pairTokens === 0) throw wrong('truncate_prompt_tokens', 'must be -1 or at least 1');
  if (pairTokens > model.maxLength) {
    throw wrong('truncate_prompt_tokens', `value (${pairTokens}) is greater than max_model_len (${model.maxLength})`);
  }
  if (documentTokens >= model.maxLength)
    throw wrong('max_tokens_per_doc', `must be less than max_model_len (${model.maxLength})`);
  return {
    ...vendorScoring((fields.use_activation ?? fields.activation) === false),
    maxLength: pairTokens === -1 ? null : pairTokens,
    maxTokensPerDocument: documentTokens === 0 ? null : documentTokens,
    truncationSide: fields.truncation_side ?? null,
  };
}

function wrong(field: string, message: string): RerankError {
  return new RerankError('validation', `${field} ${message}`, { field });
}

function textsOf(given: Input | readonly Input[], field: string): readonly string[] {
  const list = (Array.isArray(given) ? given : [given]) as readonly Input[];
  return list.map((item, index) => textOf(item, `${field}[${index}]`));
}

function textOf(item: Input, field: string): string {
  const text = typeof item === 'string' ? item : contentText(item);
  if (text === null) throw wrong(field, 'has parts that are no text; this model reads text only');
  return text;
}

const errorSchema = z.strictObject({
  error: z.union([
    z.string(),
    z.strictObject({ message: z.string(), type: z.string(), param: z.string().nullable(), code: z.int() }),
  ]),
});

/** vLLM names its own refusals, and what its framework refuses by the status. */
function renderError(error: RerankError): ErrorAnswer {
  const status = statusIn(BAD_REQUEST, error);
  if (error.code === 'unauthorized') return { status, body: { error: 'Unauthorized' } };
  const type = error.code === 'model_not_found' ? 'NotFoundError' : (ERROR_TYPES[status] ?? STATUS_CODES[status] ?? 'Error');
  return { status, body: { error: { message: error.message, type, param: error.field ?? null, code: status } } };
}

const ERROR_TYPES: Readonly<Record<number, string>> = { 400: 'BadRequestError', 500: 'InternalServerError' };

const rerank = {
  summary: "Rank documents, for vLLM's clients",
  schema: rerankSchema,
  examples: [
    {
      model: 'BAAI/bge-reranker-base',
      query: 'What is the capital of France?',
      documents: ['The capital of Brazil is Brasilia.', 'The capital of France is Paris.'],
    },
  ],
  answerSchema: z.strictObject({
    id: z.string(),
    model: z.string(),
    usage: usageSchema,
    results: z.array(z.strictObject({ ...rankedItem, document: z.strictObject({ text: z.string(), multi_modal: z.null() }) })),
  }),
  lists: ['documents'],
  read: readRerank,
  render: renderRerank,
};

const SCORE_FIELDS = ['text_1', 'queries', 'data_1'];

const score = {
  claims: (body: unknown) => SCORE_FIELDS.some((field) => hasField(body, field)),
  summary: "Score pairs, for vLLM's clients",
  schema: scoreSchema,
  examples: [
    { model: 'BAAI/bge-reranker-v2-m3', text_1: 'What is the capital of France?', text_2: ['Brasilia.', 'Paris.'] },
    { queries: ['capital of Brazil?', 'capital of France?'], documents: ['Brasilia.', 'Paris.'], use_activation: false },
  ],
  answerSchema: z.strictObject({
    id: z.string(),
    object: z.literal('list'),
    created: z.int(),
    model: z.string(),
    data: z.array(z.strictObject({ index: z.int(), object: z.literal('score'), score: z.number() })),
    usage: usageSchema,
  }),
  lists: ['text_1', 'text_2', 'queries', 'documents', 'items', 'data_1', 'data_2'],
  read: readScore,
  render: renderScore,
};

export const vllm: Dialect = {
  name: 'vllm',
  title: 'vLLM',
  prefixed: true,
  routes: [
    ...['/score', '/v1/score', '/invocations'].map((path) => predictRoute({ path, ...score })),
    ...['/rerank', '/v1/rerank', '/v2/rerank', '/invocations'].map((path) => rankRoute({ path, ...rerank })),
    modelsRoute('/v1/models'),
  ],
  errorSchema,
  renderError,
};

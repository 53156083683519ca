// The native dialect: POST /rank and POST /predict with sentence-transformers' parameters. Strict: unknown fields are refused.

import { z } from 'zod';
import { resolveActivationName } from '../../activation-name.ts';
import type { RerankError } from '../../errors.ts';
import {
  type CallFacts,
  DEFAULT_SCORING,
  type PredictRequest,
  type PredictResult,
  type RankRequest,
  type RankResult,
  type ScoringOptions,
} from '../../rerank/types.ts';
import {
  type Dialect,
  type ErrorAnswer,
  type Parsed,
  predictRoute,
  type RenderContext,
  type RequestLimits,
  rankRoute,
} from './dialect.ts';
import { checkCount, documentSchema, expected, parseBody } from './validation.ts';

const flag = () => z.boolean({ error: 'must be true or false' }).nullish();
const whole = () => z.int({ error: 'must be an integer' });
const positive = () => whole().min(1, { error: 'must be at least 1' }).nullish();
const optionalText = () => z.string({ error: 'must be a string' }).nullish();

const activation = () =>
  z
    .string({ error: 'must be a string' })
    .transform((name, context) => {
      const resolved = resolveActivationName(name);
      if (resolved !== null) return resolved;
      context.addIssue('must be sigmoid, identity, tanh or softmax, or the torch path of one of them');
      return z.NEVER;
    })
    .nullish();

/**
 * Parameters of both routes, each optional, null meaning its default.
 * The last five exist in sentence-transformers and mean nothing over HTTP: they are checked and have no effect.
 */
const scoringFields = {
  activation_fn: activation(),
  /** Old name of activation_fn, which wins when both are given. */
  activation_fct: activation(),
  apply_softmax: flag(),
  prompt: optionalText(),
  prompt_name: optionalText(),
  max_length: positive(),
  batch_size: positive(),
  show_progress_bar: flag(),
  num_workers: whole().nullish(),
  convert_to_numpy: flag(),
  convert_to_tensor: flag(),
};

const documentText = documentSchema("must be a string or an object with a string field 'text'");

const rankSchema = z.strictObject(
  {
    query: z.string(expected('must be a string')),
    documents: z.array(documentText, expected('must be a list')),
    top_k: whole().nullish(),
    return_documents: flag(),
    ...scoringFields,
  },
  { error: (issue) => (issue.code === 'invalid_type' ? 'must be a JSON object' : undefined) },
);

const pairText = z.string({ error: 'must be a string' });
const textPair = z.tuple([pairText, pairText], { error: 'must be a list of two strings, query and document' });

const predictSchema = z.strictObject(
  {
    pairs: z.array(textPair, expected('must be a list of [query, document] pairs')),
    ...scoringFields,
  },
  { error: (issue) => (issue.code === 'invalid_type' ? 'must be a JSON object' : undefined) },
);

interface RankView {
  readonly pairs: number;
  /** The documents to answer with; null when they were not asked for. */
  readonly texts: readonly string[] | null;
}

interface PredictView {
  /** One bare pair was sent, so one bare score comes back, as the original's predict does. */
  readonly single: boolean;
}

function parseRank(body: unknown, limits: RequestLimits): Parsed<RankRequest, RankView> {
  checkCount(body, 'documents', limits);
  const fields = parseBody(rankSchema, body, Object.keys(rankSchema.shape));
  const { query, documents } = fields;
  return {
    request: { query, documents, topK: fields.top_k ?? null, ...scoringOptions(fields) },
    view: { pairs: documents.length, texts: fields.return_documents === true ? documents : null },
  };
}

function parsePredict(body: unknown, limits: RequestLimits): Parsed<PredictRequest, PredictView> {
  checkCount(body, 'pairs', limits);
  const single = hasBarePair(body);
  const listed = single ? { ...body, pairs: [body.pairs] } : body;
  const fields = parseBody(predictSchema, listed, Object.keys(predictSchema.shape));
  return { request: { pairs: fields.pairs, ...scoringOptions(fields) }, view: { single } };
}

function hasBarePair(body: unknown): body is { readonly pairs: readonly [string, string] } {
  const pairs = typeof body === 'object' && body !== null && 'pairs' in body ? body.pairs : null;
  return Array.isArray(pairs) && pairs.length === 2 && pairs.every((text) => typeof text === 'string');
}

function scoringOptions(fields: z.infer<z.ZodObject<typeof scoringFields>>): ScoringOptions {
  return {
    ...DEFAULT_SCORING,
    activation: fields.activation_fn ?? fields.activation_fct ?? null,
    applySoftmax: fields.apply_softmax ?? false,
    prompt: fields.prompt ?? null,
    promptName: fields.prompt_name ?? null,
    maxLength: fields.max_length ?? null,
  };
}

function renderRank(result: RankResult, view: RankView, context: RenderContext): unknown {
  const results = result.results.map(({ index, score }) => ({
    corpus_id: index,
    score,
    ...(view.texts && { text: view.texts[index] }),
  }));
  return {
    id: context.requestId,
    model: result.model,
    activation: result.activation,
    results,
    ...renderFacts(result, view.pairs),
  };
}

function renderPredict(result: PredictResult, view: PredictView, context: RenderContext): unknown {
  const scores = scoreRows(result);
  return {
    id: context.requestId,
    model: result.model,
    activation: result.activation,
    scores: view.single ? scores[0] : scores,
    ...(result.numLabels > 1 && { labels: context.model.labels }),
    ...renderFacts(result, result.scores.length / result.numLabels),
  };
}

/** `[pairs x numLabels]` -> a number a pair, or a row a pair when there are several labels. */
function scoreRows({ scores, numLabels }: PredictResult): (number | number[])[] {
  if (numLabels === 1) return Array.from(scores);
  const pairs = scores.length / numLabels;
  return Array.from({ length: pairs }, (_, pair) => Array.from(scores.subarray(pair * numLabels, (pair + 1) * numLabels)));
}

function renderFacts({ truncated, totalTokens, timing }: CallFacts, pairs: number): object {
  return {
    truncated,
    usage: { total_tokens: totalTokens, pairs },
    timing: {
      queue_ms: microseconds(timing.queueMs),
      tokenization_ms: microseconds(timing.tokenizationMs),
      inference_ms: microseconds(timing.inferenceMs),
      total_ms: microseconds(timing.totalMs),
    },
  };
}

/** Milliseconds with three decimals. */
function microseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

function renderError(error: RerankError, requestId: string): ErrorAnswer {
  const field = error.field === undefined ? {} : { field: error.field };
  return { status: error.status, body: { error: { code: error.code, message: error.message, ...field }, id: requestId } };
}

export const native: Dialect = {
  name: 'native',
  routes: [
    rankRoute({ path: '/rank', parse: parseRank, render: renderRank }),
    predictRoute({ path: '/predict', parse: parsePredict, render: renderPredict }),
  ],
  renderError,
};

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
import type { Dialect, ErrorAnswer, Parsed, RenderContext } from './dialect.ts';
import { predictRoute, rankRoute } from './routes.ts';
import { documentForm, WRONG_DOCUMENT } from './shared/documents.ts';
import {
  atLeast,
  flag,
  longDocumentFields,
  longDocumentOptions,
  name,
  optionalName,
  optionalText,
  requiredList,
  strictBody,
  text,
  whole,
} from './shared/fields.ts';
import { type Form, listOf, single } from './shared/reading.ts';
import { expected, hasField } from './shared/validation.ts';

const activation = () =>
  name()
    .transform((given, context) => {
      const resolved = resolveActivationName(given);
      if (resolved !== null) return resolved;
      context.addIssue('must be sigmoid, identity, tanh or softmax, or the torch path of one of them');
      return z.NEVER;
    })
    .nullish();

/**
 * Parameters of both routes, each optional, null meaning its default.
 * The last five before those of long documents exist in sentence-transformers and mean nothing over HTTP: they are checked and have no effect.
 */
const scoringFields = {
  activation_fn: activation(),
  /** Old name of activation_fn, which wins when both are given. */
  activation_fct: activation(),
  apply_softmax: flag(),
  prompt: optionalText(),
  prompt_name: optionalName(),
  max_length: atLeast(1),
  batch_size: atLeast(1),
  show_progress_bar: flag(),
  num_workers: whole().nullish(),
  convert_to_numpy: flag(),
  convert_to_tensor: flag(),
  ...longDocumentFields,
};

const rankSchema = strictBody({
  query: text(),
  documents: requiredList(documentForm(WRONG_DOCUMENT)),
  top_k: whole().nullish(),
  return_documents: flag(),
  ...scoringFields,
});

const pairText = z.string({ error: 'must be a string' });

const textPair: Form<TextPair> = {
  schema: z.tuple([pairText, pairText], { error: 'must be a list of two strings, query and document' }),
  read: (given) => (isTextPair(given) ? given : undefined),
};

const pairList = listOf(textPair, expected('must be a list of [query, document] pairs'));

const predictSchema = strictBody({ pairs: z.union([single(textPair), pairList]), ...scoringFields });

interface RankView {
  readonly pairs: number;
  /** The documents to answer with; null when they were not asked for. */
  readonly texts: readonly string[] | null;
}

interface PredictView {
  /** One bare pair was sent, so one bare score comes back, as the original's predict does. */
  readonly single: boolean;
}

function readRank(fields: z.output<typeof rankSchema>): Parsed<RankRequest, RankView> {
  const { query, documents } = fields;
  return {
    request: { query, documents, topK: fields.top_k ?? null, ...scoringOptions(fields) },
    view: { pairs: documents.length, texts: fields.return_documents === true ? documents : null },
  };
}

function readPredict(fields: z.output<typeof predictSchema>): Parsed<PredictRequest, PredictView> {
  const { pairs } = fields;
  const single = isBarePair(pairs);
  return { request: { pairs: single ? [pairs] : pairs, ...scoringOptions(fields) }, view: { single } };
}

type TextPair = [query: string, document: string];

function isTextPair(given: unknown): given is TextPair {
  return Array.isArray(given) && given.length === 2 && typeof given[0] === 'string' && typeof given[1] === 'string';
}

function isBarePair(pairs: TextPair | readonly TextPair[]): pairs is TextPair {
  return typeof pairs[0] === 'string';
}

function scoringOptions(fields: z.output<z.ZodObject<typeof scoringFields>>): ScoringOptions {
  return {
    ...DEFAULT_SCORING,
    activation: fields.activation_fn ?? fields.activation_fct ?? null,
    applySoftmax: fields.apply_softmax ?? false,
    prompt: fields.prompt ?? null,
    promptName: fields.prompt_name ?? null,
    maxLength: fields.max_length ?? null,
    ...longDocumentOptions(fields),
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

function renderFacts({ truncated, chunks, totalTokens, timing }: CallFacts, pairs: number): object {
  return {
    truncated,
    ...(chunks && { chunks }),
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

const milliseconds = z.number().min(0);

const factsSchema = {
  id: z.string(),
  model: z.string(),
  activation: z.string(),
  truncated: z.array(z.int()),
  chunks: z.array(z.int()).optional(),
  usage: z.strictObject({ total_tokens: z.int(), pairs: z.int() }),
  timing: z.strictObject({
    queue_ms: milliseconds,
    tokenization_ms: milliseconds,
    inference_ms: milliseconds,
    total_ms: milliseconds,
  }),
};

const rankAnswer = z.strictObject({
  ...factsSchema,
  results: z.array(z.strictObject({ corpus_id: z.int(), score: z.number(), text: z.string().optional() })),
});

const predictAnswer = z.strictObject({
  ...factsSchema,
  scores: z.union([z.number(), z.array(z.number()), z.array(z.array(z.number()))]),
  labels: z.array(z.string()).optional(),
});

export const native: Dialect = {
  name: 'native',
  title: 'crossrank',
  prefixed: false,
  routes: [
    rankRoute({
      path: '/rank',
      summary: 'Rank documents',
      schema: rankSchema,
      examples: [
        {
          query: 'what is a panda?',
          documents: ['The giant panda is a bear.', { text: 'Hello.' }],
          top_k: 1,
          return_documents: true,
        },
      ],
      answerSchema: rankAnswer,
      lists: ['documents'],
      read: readRank,
      render: renderRank,
    }),
    predictRoute({
      path: '/predict',
      claims: (body) => hasField(body, 'pairs'),
      summary: 'Score pairs',
      schema: predictSchema,
      examples: [
        { pairs: [['what is a panda?', 'The giant panda is a bear.']] },
        { pairs: ['what is a panda?', 'The giant panda is a bear.'], activation_fn: 'identity' },
      ],
      answerSchema: predictAnswer,
      lists: ['pairs'],
      read: readPredict,
      render: renderPredict,
    }),
  ],
  errorSchema: z.strictObject({
    error: z.strictObject({ code: z.string(), message: z.string(), field: z.string().optional() }),
    id: z.string(),
  }),
  renderError,
};

// Infinity's dialect. See https://github.com/michaelfeil/infinity/blob/fcb951c/libs/infinity_emb/infinity_emb/fastapi_schemas/pymodels.py

import { z } from 'zod';
import type { RerankError } from '../../errors.ts';
import type { RankRequest, RankResult } from '../../rerank/types.ts';
import type { Dialect, ErrorAnswer, Parsed, RenderContext } from './dialect.ts';
import { rankRoute } from './routes.ts';
import { documentForm } from './shared/documents.ts';
import { FASTAPI_LIST, FASTAPI_STRING, fastApiDetail, fastApiMessage, fastApiProblems } from './shared/fastapi-errors.ts';
import { atLeast, flag, lenientBody, optionalName } from './shared/fields.ts';
import { modelsRoute } from './shared/openai.ts';
import { listOf } from './shared/reading.ts';
import {
  rankedItem,
  rankedItems,
  type StatusOverrides,
  statusIn,
  unixSeconds,
  usage,
  usageSchema,
  vendorScoring,
} from './shared/vendor.ts';

const EMPTY_LIST = 'List should have at least 1 item after validation, not 0';
const UNNAMED_MODEL = 'default/not-specified'; // what Infinity's own schema fills in

const schema = lenientBody({
  query: z.string({ error: fastApiMessage(FASTAPI_STRING) }),
  documents: listOf(
    documentForm(FASTAPI_STRING),
    { error: fastApiMessage(FASTAPI_LIST) },
    { min: { entries: 1, error: EMPTY_LIST } },
  ),
  return_documents: flag(),
  raw_scores: flag(),
  model: optionalName(),
  top_n: atLeast(1),
});

const answerSchema = z.strictObject({
  object: z.literal('rerank'),
  results: z.array(z.strictObject({ ...rankedItem, document: z.string().nullable() })),
  model: z.string(),
  usage: usageSchema,
  id: z.string(),
  created: z.int(),
});

/** The documents to answer with; null when they were not asked for. */
type View = readonly string[] | null;

function read(fields: z.output<typeof schema>): Parsed<RankRequest, View> {
  const { documents, model } = fields;
  return {
    request: {
      ...vendorScoring(fields.raw_scores === true),
      query: fields.query.trim(),
      documents,
      topK: fields.top_n ?? null,
    },
    view: fields.return_documents === true ? documents : null,
    model: model === UNNAMED_MODEL ? null : model,
  };
}

function render(result: RankResult, documents: View, { requestId }: RenderContext): unknown {
  return {
    object: 'rerank',
    results: rankedItems(result.results, (index) => documents?.[index] ?? null),
    model: result.model,
    usage: usage(result.totalTokens),
    id: `infinity-${requestId}`,
    created: unixSeconds(),
  };
}

const STATUSES: StatusOverrides = { malformed_body: 422, empty_input: 422, too_many_documents: 422, not_a_reranker: 400 };

const errorSchema = z.union([
  z.strictObject({ detail: z.union([z.string(), fastApiProblems]) }),
  z.strictObject({ error: z.strictObject({ message: z.string(), type: z.null(), param: z.null(), code: z.int() }) }),
]);

/** Bodies that fit no schema are FastAPI's to refuse, a missing key too; the rest has Infinity's own form, after OpenAI's. */
function renderError(error: RerankError): ErrorAnswer {
  const status = statusIn(STATUSES, error);
  if (status === 422) return { status, body: { detail: fastApiDetail(error) } };
  if (error.code === 'unauthorized') return { status, body: { detail: 'Unauthorized' } };
  return { status, body: { error: { message: error.message, type: null, param: null, code: status } } };
}

export const infinity: Dialect = {
  name: 'infinity',
  title: 'Infinity',
  prefixed: true,
  routes: [
    ...['/rerank', '/v1/rerank'].map((path) =>
      rankRoute({
        path,
        summary: "Rank documents, for Infinity's clients",
        schema,
        examples: [
          {
            model: 'mixedbread-ai/mxbai-rerank-xsmall-v1',
            query: 'Where is Munich?',
            documents: ['Munich is in Germany.', 'The sky is blue.'],
            return_documents: false,
            top_n: 1,
          },
        ],
        answerSchema,
        lists: ['documents'],
        read,
        render,
      }),
    ),
    modelsRoute('/models'),
    modelsRoute('/v1/models'),
  ],
  errorSchema,
  renderError,
};

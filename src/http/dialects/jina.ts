// Jina's dialect. See https://api.jina.ai/openapi.json

import { z } from 'zod';
import type { ErrorCode, RerankError } from '../../errors.ts';
import type { RankRequest, RankResult } from '../../rerank/types.ts';
import type { Dialect, ErrorAnswer, Parsed } from './dialect.ts';
import { rankRoute } from './routes.ts';
import { documentForm, WRONG_DOCUMENT } from './shared/documents.ts';
import { atLeast, flag, lenientBody, longDocumentFields, longDocumentOptions, optionalName, text } from './shared/fields.ts';
import { listOf } from './shared/reading.ts';
import { expected, showPath } from './shared/validation.ts';
import { rankedItem, rankedItems, type StatusOverrides, statusIn, vendorScoring } from './shared/vendor.ts';

const schema = lenientBody({
  query: text(),
  documents: listOf(documentForm(WRONG_DOCUMENT), expected('must be a list'), {
    min: { entries: 1, error: 'must not be empty' },
  }),
  model: optionalName(),
  top_n: atLeast(1),
  /** True by the specification, and old clients need it. */
  return_documents: flag(),
  truncation: flag(),
  max_doc_length: atLeast(1),
  return_embeddings: z.literal(false, { error: 'is not supported' }).nullish(),
  ...longDocumentFields,
});

const answerSchema = z.strictObject({
  model: z.string(),
  object: z.literal('list'),
  usage: z.strictObject({ total_tokens: z.int() }),
  results: z.array(z.strictObject({ ...rankedItem, document: z.strictObject({ text: z.string() }).optional() })),
});

interface View {
  readonly documents: readonly string[];
  readonly returned: boolean;
}

function read(fields: z.output<typeof schema>): Parsed<RankRequest, View> {
  const { query, documents } = fields;
  const options = longDocumentOptions(fields);
  return {
    request: {
      ...vendorScoring(false),
      ...options,
      maxTokensPerDocument: fields.max_doc_length ?? options.maxTokensPerDocument,
      query,
      documents,
      topK: fields.top_n ?? null,
    },
    view: { documents, returned: fields.return_documents ?? true },
    model: fields.model,
    refuseTruncated: fields.truncation === false,
  };
}

function render(result: RankResult, { documents, returned }: View): unknown {
  return {
    model: result.model,
    object: 'list',
    usage: { total_tokens: result.totalTokens },
    results: rankedItems(result.results, returned ? (index) => ({ text: documents[index] }) : null),
  };
}

const ERROR_CODES: Readonly<Partial<Record<ErrorCode, string>>> = {
  unauthorized: 'AUTH_INVALID_API_KEY',
  not_found: 'RESOURCE_NOT_FOUND',
  model_not_found: 'INPUT_MODEL_NOT_FOUND',
  overloaded: 'RATE_CONCURRENCY_LIMIT_EXCEEDED',
  inference: 'INTERNAL_ERROR',
  internal: 'INTERNAL_ERROR',
  config: 'INTERNAL_ERROR',
  model_files: 'INTERNAL_ERROR',
  not_ready: 'SERVICE_UNAVAILABLE',
  draining: 'SERVICE_UNAVAILABLE',
  deadline: 'SERVICE_TIMEOUT',
};

const STATUSES: StatusOverrides = { malformed_body: 422, empty_input: 422, too_many_documents: 422 };

const problemSchema = z.strictObject({ field: z.string(), message: z.string(), type: z.string() });

const errorSchema = z.strictObject({
  detail: z.string(),
  code: z.string().optional(),
  request_id: z.string(),
  errors: z.array(problemSchema).optional(),
});

function renderError(error: RerankError, requestId: string): ErrorAnswer {
  const status = statusIn(STATUSES, error);
  if (status === 422) {
    const detail = `[RID: ${requestId}] Validation error: ${error.message}`;
    return { status, body: { detail, errors: problems(error), request_id: requestId } };
  }
  const code = ERROR_CODES[error.code];
  return { status, body: { detail: error.message, ...(code !== undefined && { code }), request_id: requestId } };
}

/** Jina's `input` is left out: it would repeat the caller's texts. */
function problems({ cause, field, message }: RerankError): z.infer<typeof problemSchema>[] {
  if (!(cause instanceof z.ZodError)) return [{ field: field ?? '', message, type: 'value_error' }];
  return cause.issues.map((issue) => ({ field: showPath(issue.path), message: issue.message, type: issue.code }));
}

export const jina: Dialect = {
  name: 'jina',
  title: 'Jina',
  prefixed: true,
  routes: ['/v1/rerank', '/rerank'].map((path) =>
    rankRoute({
      path,
      summary: "Rank documents, for Jina's clients",
      schema,
      examples: [
        {
          model: 'jina-reranker-v2-base-multilingual',
          query: 'Organic skincare products for sensitive skin',
          top_n: 1,
          documents: ['Organic skincare for sensitive skin ...', { text: 'New makeup trends ...' }],
          return_documents: true,
        },
      ],
      answerSchema,
      lists: ['documents'],
      read,
      render,
    }),
  ),
  errorSchema,
  renderError,
};

// One answer for the clients of Cohere, Jina, vLLM and llama.cpp together, on every path they share. README, "Clients of other
// services", lists its choices.

import { z } from 'zod';
import { RerankError } from '../../errors.ts';
import type { RankRequest, RankResult } from '../../rerank/types.ts';
import type { Dialect, ErrorAnswer, Parsed, RenderContext, Route } from './dialect.ts';
import { rankRoute } from './routes.ts';
import { cohereMeta, metaSchema } from './shared/cohere-meta.ts';
import { documentObject, documentText, type SentDocument, sentDocument } from './shared/documents.ts';
import {
  atLeast,
  flag,
  lenientBody,
  longDocumentFields,
  longDocumentOptions,
  optionalName,
  rankFields,
  side,
  text,
  whole,
} from './shared/fields.ts';
import { modelsRoute, openAiErrorType } from './shared/openai.ts';
import { listOf } from './shared/reading.ts';
import { expected } from './shared/validation.ts';
import {
  BAD_REQUEST,
  RERANK_PATHS,
  rankedItem,
  rankedItems,
  statusIn,
  usage,
  usageSchema,
  vendorScoring,
} from './shared/vendor.ts';

const schema = lenientBody({
  query: text(),
  documents: z.union([z.string(), listOf(sentDocument, expected('must be a list'))]),
  model: optionalName(),
  top_n: atLeast(1),
  return_documents: flag(),
  rank_fields: rankFields(),
  /** Infinity's; `use_activation: false` is vLLM's for the same. */
  raw_scores: flag(),
  use_activation: flag(),
  /** Jina's and Voyage's: false asks for an error instead of a shortened document. */
  truncation: flag(),
  truncation_side: side(),
  /** vLLM's bound of the pair, -1 for the model's. */
  truncate_prompt_tokens: whole().min(-1, { error: 'must be at least -1' }).nullish(),
  /** Jina's name of max_tokens_per_doc. */
  max_doc_length: atLeast(1),
  ...longDocumentFields,
});

const answerSchema = z.strictObject({
  id: z.string(),
  object: z.literal('list'),
  model: z.string(),
  usage: usageSchema,
  results: z.array(z.strictObject({ ...rankedItem, document: z.looseObject({}).optional() })),
  meta: metaSchema,
});

interface View {
  readonly documents: readonly SentDocument[];
  readonly returned: boolean;
}

function read(fields: z.output<typeof schema>): Parsed<RankRequest, View> {
  const documents = typeof fields.documents === 'string' ? [fields.documents] : fields.documents;
  if (documents.length === 0) throw new RerankError('empty_input', 'documents must not be empty', { field: 'documents' });
  const options = longDocumentOptions(fields);
  return {
    request: {
      ...vendorScoring(fields.raw_scores === true || fields.use_activation === false),
      ...options,
      truncationSide: options.truncationSide ?? fields.truncation_side ?? null,
      maxTokensPerDocument: options.maxTokensPerDocument ?? fields.max_doc_length ?? null,
      maxLength: positiveOrNull(fields.truncate_prompt_tokens),
      query: fields.query,
      documents: documents.map((document, index) => documentText(document, index, fields.rank_fields ?? null)),
      topK: fields.top_n ?? null,
    },
    view: { documents, returned: fields.return_documents === true },
    model: fields.model,
    refuseTruncated: fields.truncation === false,
  };
}

function positiveOrNull(tokens: number | null | undefined): number | null {
  return typeof tokens === 'number' && tokens > 0 ? tokens : null;
}

function renderAs(version: '1' | '2') {
  return (result: RankResult, { documents, returned }: View, context: RenderContext) => ({
    id: context.requestId,
    object: 'list',
    model: result.model,
    usage: usage(result.totalTokens),
    results: rankedItems(result.results, returned ? (index) => documentObject(documents[index]!) : null),
    meta: cohereMeta(result, version, documents.length, context),
  });
}

function rerankRoute(path: string): Route {
  return rankRoute({
    path,
    summary: 'Rank documents, for clients of Cohere, Jina, vLLM and llama.cpp',
    schema,
    examples: [
      { model: 'crossrank-mini', query: 'What is the capital of France?', documents: ['Brasilia.', 'Paris.'], top_n: 1 },
      {
        query: 'What is the capital of France?',
        documents: [{ text: 'Brasilia.' }, { text: 'Paris.' }],
        return_documents: true,
        top_n: null,
        long_documents: 'chunk',
      },
    ],
    answerSchema,
    lists: ['documents'],
    read,
    render: renderAs(path.startsWith('/v2/') ? '2' : '1'),
  });
}

const errorSchema = z.strictObject({
  id: z.string(),
  message: z.string(),
  detail: z.string(),
  error: z.strictObject({ message: z.string(), type: z.string(), param: z.string().nullable(), code: z.int() }),
});

/** Cohere's clients read `message`, Jina's and Voyage's `detail`, those of OpenAI's family `error`. */
function renderError(error: RerankError, id: string): ErrorAnswer {
  const { message, field } = error;
  const status = statusIn(BAD_REQUEST, error);
  const details = { message, type: openAiErrorType(error.code), param: field ?? null, code: status };
  return { status, body: { id, message, detail: message, error: details } };
}

export const superset: Dialect = {
  name: 'superset',
  title: 'Superset of Cohere, Jina, vLLM and llama.cpp',
  prefixed: false,
  routes: [...[...RERANK_PATHS, '/invocations'].map(rerankRoute), modelsRoute('/v1/models'), modelsRoute('/models')],
  errorSchema,
  renderError,
};

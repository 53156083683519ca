// llama.cpp server's dialect: raw logits; a body with `texts` is answered as text-embeddings-inference does.
// See https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md

import { z } from 'zod';
import type { RerankError } from '../../errors.ts';
import type { RankRequest, RankResult } from '../../rerank/types.ts';
import type { Dialect, ErrorAnswer, Parsed } from './dialect.ts';
import { rankRoute } from './routes.ts';
import { documentForm } from './shared/documents.ts';
import { atLeast, flag, lenientBody, optionalName } from './shared/fields.ts';
import { modelsRoute, openAiErrorType } from './shared/openai.ts';
import { listOf } from './shared/reading.ts';
import { hasField } from './shared/validation.ts';
import {
  BAD_REQUEST,
  rankedItem,
  rankedItems,
  type StatusOverrides,
  statusIn,
  usage,
  usageSchema,
  vendorScoring,
} from './shared/vendor.ts';

const QUERY = {
  error: ({ input }: { readonly input?: unknown }) =>
    input === undefined ? '"query" must be provided' : '"query" must be a string',
};
const NO_DOCUMENTS = '"documents" must be a non-empty string array';

const texts = listOf(documentForm(NO_DOCUMENTS), { error: NO_DOCUMENTS }, { min: { entries: 1, error: NO_DOCUMENTS } });

const common = { query: z.string(QUERY), model: optionalName(), top_n: atLeast(0) };

const documentsSchema = lenientBody({ ...common, documents: texts });
const textsSchema = lenientBody({ ...common, texts, return_text: flag() });

type CommonFields = Pick<z.output<typeof documentsSchema>, 'query' | 'model' | 'top_n'>;

/** Logits, as llama.cpp gives them; `top_n` 0 keeps nothing. */
function request({ query, top_n: topN }: CommonFields, documents: readonly string[]): RankRequest {
  return { ...vendorScoring(true), query, documents, topK: topN ?? null };
}

/** The model's name comes back as it was sent. */
type DocumentsView = string | null;

function readDocuments(fields: z.output<typeof documentsSchema>): Parsed<RankRequest, DocumentsView> {
  return { request: request(fields, fields.documents), view: fields.model ?? null, model: fields.model };
}

function renderDocuments(result: RankResult, model: DocumentsView): unknown {
  return {
    model: model ?? result.model,
    object: 'list',
    usage: usage(result.totalTokens),
    results: rankedItems(result.results),
  };
}

interface TextsView {
  readonly texts: readonly string[];
  readonly returned: boolean;
}

function readTexts(fields: z.output<typeof textsSchema>): Parsed<RankRequest, TextsView> {
  const view = { texts: fields.texts, returned: fields.return_text === true };
  return { request: request(fields, fields.texts), view, model: fields.model };
}

function renderTexts({ results }: RankResult, view: TextsView): unknown {
  return results.map(({ index, score }) => ({ index, ...(view.returned && { text: view.texts[index] }), score }));
}

const summary = "Rank documents by logits, for llama.cpp's clients";
const PATHS = ['/rerank', '/reranking', '/v1/rerank', '/v1/reranking'];

const documentsAnswer = z.strictObject({
  model: z.string(),
  object: z.literal('list'),
  usage: usageSchema,
  results: z.array(z.strictObject(rankedItem)),
});

const textsAnswer = z.array(z.strictObject({ index: z.int(), text: z.string().optional(), score: z.number() }));

const documentsRoutes = PATHS.map((path) =>
  rankRoute({
    path,
    summary,
    schema: documentsSchema,
    examples: [
      {
        model: 'jina-reranker',
        query: 'Machine learning is',
        documents: ['A machine is a physical system', 'Learning is the process'],
        top_n: 1,
      },
    ],
    answerSchema: documentsAnswer,
    lists: ['documents'],
    read: readDocuments,
    render: renderDocuments,
  }),
);

const textsRoutes = PATHS.map((path) =>
  rankRoute({
    path,
    claims: (body) => hasField(body, 'texts') && !hasField(body, 'documents'),
    summary,
    schema: textsSchema,
    examples: [{ query: 'Machine learning is', texts: ['A machine is a physical system'], return_text: true }],
    answerSchema: textsAnswer,
    lists: ['texts'],
    read: readTexts,
    render: renderTexts,
  }),
);

const STATUSES: StatusOverrides = { ...BAD_REQUEST, not_a_reranker: 501 };

const errorSchema = z.strictObject({ error: z.strictObject({ code: z.int(), message: z.string(), type: z.string() }) });

function renderError(error: RerankError): ErrorAnswer {
  const status = statusIn(STATUSES, error);
  return { status, body: { error: { code: status, message: ownMessage(error), type: openAiErrorType(error.code) } } };
}

/** llama.cpp's messages name their field themselves: `documents[3] "documents" must be ...` would say it twice. */
function ownMessage({ cause, message }: RerankError): string {
  const first = cause instanceof z.ZodError ? cause.issues[0]?.message : undefined;
  return first?.startsWith('"') === true ? first : message;
}

export const llamacpp: Dialect = {
  name: 'llamacpp',
  title: 'llama.cpp',
  prefixed: true,
  routes: [...textsRoutes, ...documentsRoutes, modelsRoute('/v1/models'), modelsRoute('/models')],
  errorSchema,
  renderError,
};

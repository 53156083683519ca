// Cohere's dialect, v1 and v2. See https://github.com/cohere-ai/cohere-developer-experience/blob/main/cohere-openapi.yaml

import { z } from 'zod';
import { type ErrorCode, RerankError } from '../../errors.ts';
import type { RankRequest, RankResult } from '../../rerank/types.ts';
import type { Dialect, ErrorAnswer, ModelFacts, Parsed, RenderContext, Route } from './dialect.ts';
import { factsRoute, rankRoute } from './routes.ts';
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
  requiredList,
  text,
} from './shared/fields.ts';
import { BAD_REQUEST, rankedItem, rankedItems, statusIn, vendorScoring } from './shared/vendor.ts';

/** v2 has neither `return_documents` nor `rank_fields`; its clients may still send objects, as the older v2 took them. */
const fields2 = {
  query: text(),
  documents: requiredList(sentDocument),
  model: optionalName(),
  top_n: atLeast(1),
  ...longDocumentFields,
};

const schema2 = lenientBody(fields2);

const schema1 = lenientBody({
  ...fields2,
  return_documents: flag(),
  rank_fields: rankFields(),
});

interface View {
  readonly documents: readonly SentDocument[];
  readonly returned: boolean;
}

function read1(fields: z.output<typeof schema1>): Parsed<RankRequest, View> {
  const { query, documents } = fields;
  if (query.trim() === '') {
    throw new RerankError('empty_input', 'query must not be empty or be only whitespace', { field: 'query' });
  }
  if (documents.length === 0) {
    throw new RerankError('empty_input', 'list of documents must not be empty', { field: 'documents' });
  }
  const texts = documents.map((document, index) => documentText(document, index, fields.rank_fields ?? null));
  checkNoneEmpty(texts);
  return {
    request: {
      ...vendorScoring(false),
      ...longDocumentOptions(fields),
      query,
      documents: texts,
      topK: fields.top_n ?? null,
    },
    view: { documents, returned: fields.return_documents === true },
    model: fields.model,
  };
}

function read2(fields: z.output<typeof schema2>): Parsed<RankRequest, View> {
  return read1({ ...fields, return_documents: null, rank_fields: null });
}

function checkNoneEmpty(texts: readonly string[]): void {
  const index = texts.indexOf('');
  if (index === -1) return;
  throw new RerankError('empty_input', `document at index ${index} cannot be empty`, { field: `documents.${index}` });
}

function renderAs(version: '1' | '2') {
  return (result: RankResult, { documents, returned }: View, context: RenderContext) => ({
    id: context.requestId,
    results: rankedItems(result.results, returned ? (index) => documentObject(documents[index]!) : null),
    meta: cohereMeta(result, version, documents.length, context),
  });
}

const answerSchema = z.strictObject({
  id: z.string(),
  results: z.array(z.strictObject({ ...rankedItem, document: z.looseObject({}).optional() })),
  meta: metaSchema,
});

const QUERY = 'What is the capital of the United States?';

function version1(path: string): Route {
  return rankRoute({
    path,
    summary: "Rank documents, for Cohere's v1 clients",
    schema: schema1,
    examples: [
      {
        model: 'rerank-english-v3.0',
        query: QUERY,
        documents: [{ text: 'Carson City is ...' }, { text: 'Washington, D.C. is ...' }],
        top_n: 1,
        return_documents: true,
      },
      { query: QUERY, documents: ['Carson City is ...', { title: 'Washington', body: '...' }], rank_fields: ['title', 'body'] },
    ],
    answerSchema,
    lists: ['documents'],
    read: read1,
    render: renderAs('1'),
  });
}

const version2 = rankRoute({
  path: '/v2/rerank',
  summary: "Rank documents, for Cohere's v2 clients",
  schema: schema2,
  examples: [
    { model: 'rerank-v4.0-pro', query: QUERY, documents: ['Carson City ...', 'Washington, D.C. ...'], max_tokens_per_doc: null },
  ],
  answerSchema,
  lists: ['documents'],
  read: read2,
  render: renderAs('2'),
});

const models = factsRoute({
  path: '/v1/models',
  summary: "List the model, for Cohere's clients",
  answerSchema: z.strictObject({
    models: z.array(
      z.strictObject({ name: z.string(), endpoints: z.array(z.string()), finetuned: z.boolean(), context_length: z.int() }),
    ),
  }),
  render: ({ model, modelName }: ModelFacts) => ({
    models: [{ name: modelName, endpoints: ['rerank'], finetuned: false, context_length: model.maxLength }],
  }),
});

/** Codes about the body, whose messages Cohere begins alike. */
const INVALID_REQUEST: ReadonlySet<ErrorCode> = new Set(['validation', 'empty_input', 'too_many_documents', 'malformed_body']);

function renderError(error: RerankError, id: string): ErrorAnswer {
  const message = INVALID_REQUEST.has(error.code) ? `invalid request: ${error.message}` : error.message;
  return { status: statusIn(BAD_REQUEST, error), body: { id, message } };
}

export const cohere: Dialect = {
  name: 'cohere',
  title: 'Cohere',
  prefixed: true,
  routes: [version1('/v1/rerank'), version1('/rerank'), version2, models],
  errorSchema: z.strictObject({ id: z.string(), message: z.string() }),
  renderError,
};

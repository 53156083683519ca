// Voyage's dialect. See https://docs.voyageai.com/reference/reranker-api

import { z } from 'zod';
import { RerankError } from '../../errors.ts';
import type { RankRequest, RankResult } from '../../rerank/types.ts';
import type { Dialect, ErrorAnswer, Parsed } from './dialect.ts';
import { rankRoute } from './routes.ts';
import { documentForm, WRONG_DOCUMENT } from './shared/documents.ts';
import { atLeast, flag, lenientBody, optionalName, requiredList, text } from './shared/fields.ts';
import { hasField } from './shared/validation.ts';
import { BAD_REQUEST, RERANK_PATHS, rankedItem, rankedItems, statusIn, vendorScoring } from './shared/vendor.ts';

const schema = lenientBody({
  query: text(),
  documents: requiredList(documentForm(WRONG_DOCUMENT)),
  model: optionalName(),
  top_k: atLeast(1),
  return_documents: flag(),
  truncation: flag(),
});

const answerSchema = z.strictObject({
  object: z.literal('list'),
  data: z.array(z.strictObject({ ...rankedItem, document: z.string().optional() })),
  model: z.string(),
  usage: z.strictObject({ total_tokens: z.int() }),
});

interface View {
  readonly documents: readonly string[];
  readonly returned: boolean;
}

function read(fields: z.output<typeof schema>): Parsed<RankRequest, View> {
  const { query, documents } = fields;
  if (documents.length === 0) throw new RerankError('empty_input', 'documents must not be empty', { field: 'documents' });
  return {
    request: { ...vendorScoring(false), query, documents, topK: fields.top_k ?? null },
    view: { documents, returned: fields.return_documents === true },
    model: fields.model,
    refuseTruncated: fields.truncation === false,
  };
}

function render(result: RankResult, { documents, returned }: View): unknown {
  return {
    object: 'list',
    data: rankedItems(result.results, returned ? (index) => documents[index] : null),
    model: result.model,
    usage: { total_tokens: result.totalTokens },
  };
}

function renderError(error: RerankError): ErrorAnswer {
  return { status: statusIn(BAD_REQUEST, error), body: { detail: error.message } };
}

export const voyage: Dialect = {
  name: 'voyage',
  title: 'Voyage',
  prefixed: true,
  routes: RERANK_PATHS.map((path) =>
    rankRoute({
      path,
      claims: (body) => hasField(body, 'top_k') && !hasField(body, 'top_n'), // its SDK sends top_k always, null too
      summary: "Rank documents, for Voyage's clients",
      schema,
      examples: [{ query: 'Sample query', documents: ['Sample document 1', 'Sample document 2'], model: 'rerank-2.5', top_k: 2 }],
      answerSchema,
      lists: ['documents'],
      read,
      render,
    }),
  ),
  errorSchema: z.strictObject({ detail: z.string() }),
  renderError,
};

// The original project's dialect (FastAPI): GET / and POST /rank_documents, answers and errors as its clients know them.
// See https://github.com/peilongchencc/Cross_Encoder/blob/007824e/main.py

import { z } from 'zod';
import type { RerankError } from '../../errors.ts';
import { DEFAULT_SCORING, type RankRequest, type RankResult } from '../../rerank/types.ts';
import type { Dialect, ErrorAnswer, Parsed } from './dialect.ts';
import { factsRoute, rankRoute } from './routes.ts';
import { documentForm } from './shared/documents.ts';
import {
  FASTAPI_LIST,
  FASTAPI_OBJECT,
  FASTAPI_STRING,
  fastApiDetail,
  fastApiMessage,
  fastApiProblems,
} from './shared/fastapi-errors.ts';
import { listOf } from './shared/reading.ts';

const WELCOME = { code: 0, msg: '欢迎访问CrossEncoder在线测试', data: '' };

const welcomeSchema = z.strictObject({ code: z.int(), msg: z.string(), data: z.string() });

/** Extra fields are ignored, as pydantic does by default. Documents may also be objects with `text`, which the original did not know. */
const schema = z.object(
  {
    query: z.string({ error: fastApiMessage(FASTAPI_STRING) }),
    documents: listOf(documentForm(FASTAPI_STRING), { error: fastApiMessage(FASTAPI_LIST) }),
  },
  { error: FASTAPI_OBJECT },
);

const answerSchema = z.strictObject({
  ranked_documents: z.array(z.strictObject({ corpus_id: z.int(), score: z.number(), text: z.string() })),
});

/** The documents: every one comes back with its score. */
type View = readonly string[];

function read({ query, documents }: z.output<typeof schema>): Parsed<RankRequest, View> {
  return { request: { ...DEFAULT_SCORING, query, documents, topK: null }, view: documents };
}

function render(result: RankResult, documents: View): unknown {
  const ranked = result.results.map(({ index, score }) => ({
    corpus_id: index,
    score: Number(score.toFixed(5)),
    text: documents[index],
  }));
  return { ranked_documents: ranked };
}

/** FastAPI lists problems of the body under 422, bad JSON included; every other failure is one sentence. */
function renderError(error: RerankError): ErrorAnswer {
  const listed = error.code === 'validation' || error.code === 'malformed_body';
  return listed
    ? { status: 422, body: { detail: fastApiDetail(error) } }
    : { status: error.status, body: { detail: error.message } };
}

export const original: Dialect = {
  name: 'original',
  title: 'Original project',
  prefixed: false,
  routes: [
    factsRoute({ path: '/', summary: 'Greeting', answerSchema: welcomeSchema, render: () => WELCOME }),
    rankRoute({
      path: '/rank_documents',
      summary: 'Rank documents, as the original project',
      schema,
      examples: [{ query: '什么是熊猫?', documents: ['熊猫是一种动物', '你好'] }],
      answerSchema,
      lists: ['documents'],
      read,
      render,
    }),
  ],
  errorSchema: z.strictObject({ detail: z.union([z.string(), fastApiProblems]) }),
  renderError,
};

// The original project's dialect (FastAPI): GET / and POST /rank_documents, answers and errors as its clients know them.
// See https://github.com/peilongchencc/Cross_Encoder/blob/007824e/main.py

import { z } from 'zod';
import type { RerankError } from '../../errors.ts';
import { DEFAULT_SCORING, type RankRequest, type RankResult } from '../../rerank/types.ts';
import { type Dialect, type ErrorAnswer, fixedRoute, type Parsed, type RequestLimits, rankRoute } from './dialect.ts';
import { checkCount, documentSchema, parseBody } from './validation.ts';

const WELCOME = { code: 0, msg: '欢迎访问CrossEncoder在线测试', data: '' };

const WRONG_STRING = 'Input should be a valid string';

/** Extra fields are ignored, as pydantic does by default. Documents may also be objects with `text`, which the original did not know. */
const schema = z.looseObject(
  {
    query: z.string({ error: fastApiMessage(WRONG_STRING) }),
    documents: z.array(documentSchema(WRONG_STRING), { error: fastApiMessage('Input should be a valid list') }),
  },
  { error: 'Input should be a valid dictionary or object to extract fields from' },
);

/** The documents: every one comes back with its score. */
type View = readonly string[];

function parse(body: unknown, limits: RequestLimits): Parsed<RankRequest, View> {
  checkCount(body, 'documents', limits);
  const { query, documents } = parseBody(schema, body);
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

/** One entry of FastAPI's `detail` list; its `input` is left out, because it would repeat the caller's texts. */
interface FastApiProblem {
  readonly type: string;
  readonly loc: readonly (string | number)[];
  readonly msg: string;
}

/**
 * FastAPI lists problems of the body under 422, bad JSON included; every other failure is one sentence.
 */
function renderError(error: RerankError): ErrorAnswer {
  if (error.code === 'validation') return { status: 422, body: { detail: validationProblems(error) } };
  if (error.code === 'malformed_body') {
    return { status: 422, body: { detail: [{ type: 'json_invalid', loc: ['body'], msg: error.message }] } };
  }
  return { status: error.status, body: { detail: error.message } };
}

function validationProblems(error: RerankError): FastApiProblem[] {
  if (error.cause instanceof z.ZodError) return error.cause.issues.map(toFastApiProblem);
  return [{ type: 'value_error', loc: ['body', ...(error.field?.split('.') ?? [])], msg: error.message }];
}

function toFastApiProblem(issue: z.core.$ZodIssue): FastApiProblem {
  return { type: FASTAPI_TYPES[issue.message] ?? 'value_error', loc: ['body', ...issue.path.map(locPart)], msg: issue.message };
}

function locPart(part: PropertyKey): string | number {
  return typeof part === 'number' ? part : String(part);
}

/** pydantic's message -> its error type. */
const FASTAPI_TYPES: Readonly<Record<string, string>> = {
  'Field required': 'missing',
  'Input should be a valid string': 'string_type',
  'Input should be a valid list': 'list_type',
  'Input should be a valid dictionary or object to extract fields from': 'model_attributes_type',
};

function fastApiMessage(otherwise: string): (issue: { readonly input?: unknown }) => string {
  return (issue) => (issue.input === undefined ? 'Field required' : otherwise);
}

export const original: Dialect = {
  name: 'original',
  routes: [fixedRoute('/', WELCOME), rankRoute({ path: '/rank_documents', parse, render })],
  renderError,
};

// FastAPI's list of problems, which the original project and Infinity answer with.

import { z } from 'zod';
import type { RerankError } from '../../../errors.ts';

/** One entry of FastAPI's `detail` list; its `input` is left out, because it would repeat the caller's texts. */
export interface FastApiProblem {
  readonly type: string;
  readonly loc: readonly (string | number)[];
  readonly msg: string;
}

export const fastApiProblems = z.array(
  z.strictObject({ type: z.string(), loc: z.array(z.union([z.string(), z.int()])), msg: z.string() }),
);

/** The problems behind a `validation` or `malformed_body` error. */
export function fastApiDetail(error: RerankError): FastApiProblem[] {
  if (error.code === 'malformed_body') return [{ type: 'json_invalid', loc: ['body'], msg: error.message }];
  if (error.cause instanceof z.ZodError) return error.cause.issues.map(toFastApiProblem);
  return [{ type: 'value_error', loc: ['body', ...(error.field?.split('.') ?? [])], msg: error.message }];
}

/** Schema message of FastAPI: "Field required" when the field is absent, else `otherwise`. */
export function fastApiMessage(otherwise: string): (issue: { readonly input?: unknown }) => string {
  return (issue) => (issue.input === undefined ? 'Field required' : otherwise);
}

export const FASTAPI_STRING = 'Input should be a valid string';
export const FASTAPI_LIST = 'Input should be a valid list';
export const FASTAPI_OBJECT = 'Input should be a valid dictionary or object to extract fields from';

/** pydantic's message -> its error type. */
const FASTAPI_TYPES: Readonly<Record<string, string>> = {
  'Field required': 'missing',
  [FASTAPI_STRING]: 'string_type',
  [FASTAPI_LIST]: 'list_type',
  [FASTAPI_OBJECT]: 'model_attributes_type',
};

function toFastApiProblem(issue: z.core.$ZodIssue): FastApiProblem {
  return { type: FASTAPI_TYPES[issue.message] ?? 'value_error', loc: ['body', ...issue.path.map(locPart)], msg: issue.message };
}

function locPart(part: PropertyKey): string | number {
  return typeof part === 'number' ? part : String(part);
}

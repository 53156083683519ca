// Which failures an operation can answer, by status: read from the dialects' own `renderError`. Imported by openapi.ts.

import { z } from 'zod';
import { ERROR_STATUS, type ErrorCode, RerankError } from '../../errors.ts';
import type { Dialect, Route } from '../dialects/dialect.ts';
import type { Claim, MountedRoute } from '../route-table.ts';

/** One status, the codes behind it, and the dialects that word it. */
export interface Failure {
  readonly status: number;
  readonly codes: ReadonlySet<ErrorCode>;
  readonly dialects: ReadonlySet<Dialect>;
}

export interface FailureOptions {
  /** Requests need an API key. */
  readonly secured: boolean;
  /** A request that names another model is refused. */
  readonly strictModel: boolean;
}

/** Before the body is understood; worded by the path's owner. */
const EARLY: readonly ErrorCode[] = ['malformed_body', 'payload_too_large', 'unsupported_media_type'];

/** Of no operation: other paths and methods, calls by a wrong name or from a foreign page, settings that stop the start, and what only the log sees. */
const NEVER: ReadonlySet<ErrorCode> = new Set([
  'not_found',
  'method_not_allowed',
  'host_not_allowed',
  'origin_not_allowed',
  'config',
  'model_files',
  'cancelled',
]);

const LATE: readonly ErrorCode[] = (Object.keys(ERROR_STATUS) as ErrorCode[]).filter(
  (code) => !NEVER.has(code) && !EARLY.includes(code) && code !== 'unauthorized' && code !== 'model_not_found',
);

/** What a POST operation can fail with. @param claims who may take the body */
export function postFailures({ owner }: MountedRoute, claims: readonly Claim[], options: FailureOptions): readonly Failure[] {
  const early = [...EARLY, ...(options.secured ? (['unauthorized'] as const) : [])];
  return byStatus([
    ...early.map((code) => ({ code, dialect: owner.dialect })),
    ...claims.flatMap(({ dialect, route }) => lateCodes(route, options).map((code) => ({ code, dialect }))),
  ]);
}

/** What a GET operation can fail with. */
export function getFailures(dialect: Dialect, { secured }: Pick<FailureOptions, 'secured'>): readonly Failure[] {
  const codes: readonly ErrorCode[] = secured ? ['unauthorized', 'internal'] : ['internal'];
  return byStatus(codes.map((code) => ({ code, dialect })));
}

function lateCodes({ schema }: Route, { strictModel }: FailureOptions): readonly ErrorCode[] {
  const namesModel = schema instanceof z.ZodObject && 'model' in schema.shape;
  return strictModel && namesModel ? [...LATE, 'model_not_found'] : LATE;
}

function byStatus(failures: readonly { readonly code: ErrorCode; readonly dialect: Dialect }[]): readonly Failure[] {
  const found = new Map<number, { status: number; codes: Set<ErrorCode>; dialects: Set<Dialect> }>();
  for (const { code, dialect } of failures) {
    const { status } = dialect.renderError(new RerankError(code, ''), '');
    const failure = found.get(status) ?? { status, codes: new Set(), dialects: new Set() };
    failure.codes.add(code);
    failure.dialects.add(dialect);
    found.set(status, failure);
  }
  return [...found.values()].sort((a, b) => a.status - b.status);
}

// Shared by dialects: schema problems -> one readable message without the caller's texts, and the document bound.

import { z } from 'zod';
import { RerankError } from '../../../errors.ts';
import { didYouMean } from '../../../nearest-name.ts';
import { shorten } from '../../../short-text.ts';
import type { RequestLimits } from '../dialect.ts';
import { MAX_PROBLEMS } from './reading.ts';

/**
 * Parses a body. Fields the schema does not know are left out, or refused by a strict one, without a look at what is in them.
 *
 * @param knownFields names a caller may have meant by an unknown one
 * @throws RerankError `validation`, its cause the ZodError, if any, with few issues
 */
export function parseBody<Schema extends z.ZodType>(
  schema: Schema,
  body: unknown,
  knownFields: readonly string[] = [],
): z.infer<Schema> {
  const unknown = isStrict(schema) ? unknownFields(body, knownFields) : [];
  const parsed = schema.safeParse(unknown.length === 0 ? body : pick(body as object, knownFields));
  if (parsed.success && unknown.length === 0) return parsed.data;
  const issues = parsed.error?.issues.flatMap(innermost) ?? [];
  const messages = [
    ...issues.map((issue) => `${showPath(issue.path) || 'the body'} ${issue.message}`),
    ...unknown.map((name) => `unknown field '${shorten(name)}'${didYouMean(name, knownFields)}`),
  ];
  const shown = messages.length <= MAX_PROBLEMS ? messages : [...messages.slice(0, MAX_PROBLEMS), 'and more'];
  const field = issues[0]?.path.map(String).join('.') ?? shorten(unknown[0]!);
  throw new RerankError('validation', shown.join('; '), { cause: parsed.error, ...(field !== '' && { field }) });
}

function isStrict(schema: z.ZodType): boolean {
  return schema instanceof z.ZodObject && schema.def.catchall instanceof z.ZodNever;
}

/** The first few of them. */
function unknownFields(body: unknown, knownFields: readonly string[]): readonly string[] {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return [];
  return Object.keys(body)
    .filter((name) => !knownFields.includes(name))
    .slice(0, MAX_PROBLEMS + 1);
}

function pick(body: object, names: readonly string[]): object {
  return Object.fromEntries(Object.entries(body).filter(([name]) => names.includes(name)));
}

/**
 * Refuses an oversized list before each of its items is looked at.
 *
 * @throws RerankError `too_many_documents`
 */
export function checkCount(body: unknown, field: string, { maxDocuments }: RequestLimits, wording = tooManyEntries(field)): void {
  const list = typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[field] : undefined;
  if (!Array.isArray(list) || list.length <= maxDocuments) return;
  throw new RerankError('too_many_documents', wording(list.length, maxDocuments), { field });
}

/** Whether the body is an object that has the field, null included: what claims of a shared path ask. */
export function hasField(body: unknown, field: string): boolean {
  return typeof body === 'object' && body !== null && Object.hasOwn(body, field);
}

function tooManyEntries(field: string): (count: number, limit: number) => string {
  return (count, limit) => `${field} has ${count} entries; this server takes at most ${limit}`;
}

/** Schema message "is required" when the field is absent, else `otherwise` ("must be a string"). */
export function expected(otherwise: string): { readonly error: (issue: { readonly input?: unknown }) => string } {
  return { error: (issue) => (issue.input === undefined ? 'is required' : otherwise) };
}

/** `documents`, 3, `text` -> `documents[3].text`. */
export function showPath(path: readonly PropertyKey[]): string {
  return path.map((part, depth) => (typeof part === 'number' ? `[${part}]` : `${depth > 0 ? '.' : ''}${String(part)}`)).join('');
}

/** A union without a message of its own speaks through its last alternative. */
function innermost(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union' || issue.message !== UNWORDED_UNION) return [issue];
  const last = issue.errors.at(-1) ?? [];
  return last.flatMap((inner) => innermost({ ...inner, path: [...issue.path, ...inner.path] }));
}

const UNWORDED_UNION = 'Invalid input'; // zod's own message

// Shared by dialects: schema problems -> one readable message without the caller's texts, and the document bound.

import type { z } from 'zod';
import { RerankError } from '../../../errors.ts';
import { didYouMean } from '../../../nearest-name.ts';
import type { RequestLimits } from '../dialect.ts';

const MAX_PROBLEMS = 3; // a wrong list of 10,000 documents is one mistake, not 10,000
const MAX_NAME_LENGTH = 60; // characters of an unknown field's name that are echoed

/**
 * Parses a body.
 *
 * @param knownFields names a caller may have meant by an unknown one
 * @throws RerankError `validation`, its cause the ZodError
 */
export function parseBody<Schema extends z.ZodType>(
  schema: Schema,
  body: unknown,
  knownFields: readonly string[] = [],
): z.infer<Schema> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.flatMap(innermost);
  const messages = issues.slice(0, MAX_PROBLEMS).flatMap((issue) => describeIssue(issue, knownFields));
  if (issues.length > MAX_PROBLEMS) messages.push(`and ${issues.length - MAX_PROBLEMS} more`);
  const field = fieldOf(issues[0]!);
  throw new RerankError('validation', messages.join('; '), { cause: parsed.error, ...(field !== '' && { field }) });
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

function describeIssue(issue: z.core.$ZodIssue, knownFields: readonly string[]): string[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.slice(0, MAX_PROBLEMS).map((key) => `unknown field '${shorten(key)}'${didYouMean(key, knownFields)}`);
  }
  return [`${showPath(issue.path) || 'the body'} ${issue.message}`];
}

/** The field at fault as {@link RerankError.field} writes it: `documents.3`. */
function fieldOf(issue: z.core.$ZodIssue): string {
  return issue.code === 'unrecognized_keys' ? shorten(issue.keys[0] ?? '') : issue.path.map(String).join('.');
}

function shorten(name: string): string {
  return name.length <= MAX_NAME_LENGTH ? name : `${name.slice(0, MAX_NAME_LENGTH)}...`;
}

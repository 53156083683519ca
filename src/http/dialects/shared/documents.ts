// Documents as contracts write them: a string, an object with a text, an object whose named fields count, a list of text parts.

import { z } from 'zod';
import { RerankError } from '../../../errors.ts';
import type { Form } from './reading.ts';

/** A document: a string, or an object whose `text` is taken; its other fields are the caller's own, and nobody looks at them. */
export function documentForm(message: string): Form<string> {
  return {
    schema: z.union([z.string(), z.looseObject({ text: z.string() })], { error: message }),
    read: (given) => (isObject(given) ? stringOrNull(given.text) : stringOrNull(given)) ?? undefined,
  };
}

/** The message of {@link documentForm} where the contract has none of its own. */
export const WRONG_DOCUMENT = "must be a string or an object with a string field 'text'";

/** A document that comes back as it was sent: a string or any object. */
export type SentDocument = string | Readonly<Record<string, unknown>>;

/** Any object passes: which of its fields is the text depends on the rest of the request. See {@link documentText}. */
export const sentDocument: Form<SentDocument> = {
  schema: z.union([z.string(), z.looseObject({})], { error: WRONG_DOCUMENT }),
  read: (given) => (typeof given === 'string' || isObject(given) ? given : undefined),
};

/**
 * The text that is scored.
 *
 * @param rankFields fields of an object to join, one a line; null for its `text`, or vLLM's `content` parts
 * @throws RerankError `validation` when the object has none of them
 */
export function documentText(document: SentDocument, index: number, rankFields: readonly string[] | null): string {
  if (typeof document === 'string') return document;
  const text = rankFields === null ? (stringOrNull(document.text) ?? contentText(document)) : joinFields(document, rankFields);
  if (text !== null) return text;
  const expected = rankFields === null ? WRONG_DOCUMENT : 'has none of the rank_fields as a string';
  throw new RerankError('validation', `documents[${index}] ${expected}`, { field: `documents.${index}` });
}

/**
 * As answers carry a document: an object, the caller's own when it was one, less what is nested. What it is made of is looked at when it is
 * written: of thousands of documents with hundreds of fields each, one after the other.
 */
export function documentObject(document: SentDocument): object {
  return typeof document === 'string' ? { text: document } : { toJSON: () => withoutNested(document) };
}

function withoutNested(document: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(document).filter(([, value]) => value === null || typeof value !== 'object'));
}

/** vLLM's form, also OpenAI's: `{"content": [{"type": "text", "text": "..."}]}`; null when there is another kind of part. */
export function contentText({ content }: Readonly<Record<string, unknown>>): string | null {
  if (!Array.isArray(content)) return null;
  const texts: string[] = [];
  for (const part of content as readonly unknown[]) {
    if (!isObject(part) || part.type !== 'text' || typeof part.text !== 'string') return null;
    texts.push(part.text);
  }
  return texts.join('\n');
}

export function isObject(given: unknown): given is Readonly<Record<string, unknown>> {
  return typeof given === 'object' && given !== null && !Array.isArray(given);
}

function joinFields(document: Readonly<Record<string, unknown>>, names: readonly string[]): string | null {
  const texts = names.filter((name) => Object.hasOwn(document, name)).map((name) => stringOrNull(document[name]));
  const present = texts.filter((text) => text !== null);
  return present.length === 0 ? null : present.join('\n');
}

function stringOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

// Schemas of fields many contracts have. null stands for "not given" in every optional one.

import { z } from 'zod';
import type { ScoringOptions } from '../../../rerank/types.ts';
import { type Form, listOf } from './reading.ts';
import { expected } from './validation.ts';

type Shape = Readonly<Record<string, z.ZodType>>;

const NOT_AN_OBJECT = {
  error: (issue: { readonly code?: string }) => (issue.code === 'invalid_type' ? 'must be a JSON object' : undefined),
};

/** A body whose unknown fields are passed over, as vendors' clients send extras; nobody looks at them. */
export function lenientBody<Fields extends Shape>(fields: Fields) {
  return z.object(fields, NOT_AN_OBJECT);
}

/** A body whose unknown fields are refused. */
export function strictBody<Fields extends Shape>(fields: Fields) {
  return z.strictObject(fields, NOT_AN_OBJECT);
}

export function flag() {
  return z.boolean({ error: 'must be true or false' }).nullish();
}

export function whole() {
  return z.int({ error: 'must be an integer' });
}

export function atLeast(minimum: number) {
  return whole()
    .min(minimum, { error: `must be at least ${minimum}` })
    .nullish();
}

export function text() {
  return z.string(expected('must be a string'));
}

export function optionalText() {
  return z.string({ error: 'must be a string' }).nullish();
}

const MAX_NAME_LENGTH = 256; // characters; the hub allows names of 96

/** A name: of a model, a stored prompt, an activation, a field. What is done with names is not meant for long texts. */
export function name() {
  return z
    .string({ error: 'must be a string' })
    .max(MAX_NAME_LENGTH, { error: `must have at most ${MAX_NAME_LENGTH} characters` });
}

export function optionalName() {
  return name().nullish();
}

const MAX_RANK_FIELDS = 100; // each is looked for in every document

/** Names of fields to join, each once: a long field named a thousand times would make a text too long for a string. */
export function rankFields() {
  const form = {
    schema: name(),
    read: (given: unknown) => (typeof given === 'string' && given.length <= MAX_NAME_LENGTH ? given : undefined),
  };
  const max = { entries: MAX_RANK_FIELDS, error: `must have at most ${MAX_RANK_FIELDS} entries` };
  return listOf(form, { error: 'must be a list' }, { max })
    .transform((names) => [...new Set(names)])
    .nullish();
}

/** A required list; an empty one passes. */
export function requiredList<Value>(form: Form<Value>) {
  return listOf(form, expected('must be a list'));
}

/** Which end of a text that is too long loses tokens; text-embeddings-inference writes `Left`, vLLM `left`. */
export function side() {
  return z
    .enum(['left', 'right', 'Left', 'Right'], { error: "must be 'left' or 'right'" })
    .transform((given): 'left' | 'right' => (given === 'left' || given === 'Left' ? 'left' : 'right'))
    .nullish();
}

/** What can be said of documents that do not fit; crossrank's own fields and Cohere's. */
export const longDocumentFields = {
  truncation_direction: side(),
  max_tokens_per_doc: atLeast(1),
  long_documents: z.enum(['truncate', 'chunk'], { error: "must be 'truncate' or 'chunk'" }).nullish(),
  chunk_overlap: atLeast(0),
  max_chunks_per_doc: atLeast(1),
};

/** Chunks of one document at most, whatever the caller's bound is: they are one worker's task, and others wait for it. */
const MAX_CHUNKS = 100;

/** Who bounds chunks wants chunks, as Cohere's callers do. */
export function longDocumentOptions(fields: z.output<z.ZodObject<typeof longDocumentFields>>) {
  const asksForChunks = (fields.max_chunks_per_doc ?? fields.chunk_overlap ?? null) !== null;
  const longDocuments = fields.long_documents ?? (asksForChunks ? 'chunk' : 'truncate');
  const chunks = fields.max_chunks_per_doc ?? (longDocuments === 'chunk' ? MAX_CHUNKS : null);
  return {
    truncationSide: fields.truncation_direction ?? null,
    maxTokensPerDocument: fields.max_tokens_per_doc ?? null,
    longDocuments,
    chunkOverlap: fields.chunk_overlap ?? null,
    maxChunksPerDocument: chunks === null ? null : Math.min(chunks, MAX_CHUNKS),
  } satisfies Partial<ScoringOptions>;
}

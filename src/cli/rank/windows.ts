// Documents -> windows: the unit that is scored, counted as done, and never scored again.

import { createHash } from 'node:crypto';
import type { SourceDocument } from './documents.ts';

/**
 * A window ends at the first of the two. Small enough that a slow model finishes one in about a minute (an interrupted run
 * loses no more), large enough that documents of similar length meet in it.
 */
export interface WindowLimits {
  readonly documents: number;
  /** UTF-16 code units of text. */
  readonly characters: number;
}

export const WINDOW_LIMITS: WindowLimits = { documents: 1024, characters: 131_072 };

export interface Window {
  readonly documents: readonly SourceDocument[];
  /** Share of a full window, 0..1; bounds how many are in flight. */
  readonly weight: number;
  /** Names this window's texts and all before it, so that a resumed run sees when the input changed. */
  readonly digest: string;
}

/** Digest before the first window. */
export const NO_DIGEST = '';

/** Cuts at places that depend on the documents alone: a resumed run gets the same windows. */
export async function* cutWindows(
  groups: AsyncIterable<readonly SourceDocument[]>,
  limits: WindowLimits = WINDOW_LIMITS,
): AsyncGenerator<Window> {
  let documents: SourceDocument[] = [];
  let characters = 0;
  let digest = NO_DIGEST;
  for await (const group of groups) {
    for (const document of group) {
      documents.push(document);
      characters += document.text.length;
      if (documents.length < limits.documents && characters < limits.characters) continue;
      digest = chain(digest, documents);
      yield { documents, weight: 1, digest };
      documents = [];
      characters = 0;
    }
  }
  if (documents.length === 0) return;
  const weight = Math.max(documents.length / limits.documents, characters / limits.characters);
  yield { documents, weight, digest: chain(digest, documents) };
}

function chain(digest: string, documents: readonly SourceDocument[]): string {
  const hash = createHash('sha256').update(digest);
  for (const { text } of documents) hash.update(text).update('\0');
  return hash.digest('base64');
}

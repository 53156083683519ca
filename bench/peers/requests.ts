// The calls every peer gets: the bench's corpus in words of the model's own vocabulary.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CorpusRequest, englishWords, makeCorpus } from '../corpus.ts';

/** How many calls, of how many documents. */
export interface CallPlan {
  readonly calls: number;
  readonly documents: number;
  readonly seed: string;
}

/** Calls for the model in this directory. */
export function makeCalls(model: string, { calls, documents, seed }: CallPlan): CorpusRequest[] {
  const tokenizer = JSON.parse(readFileSync(join(model, 'tokenizer.json'), 'utf8')) as {
    readonly model: { readonly vocab: Readonly<Record<string, number>> };
  };
  return makeCorpus({ requests: calls, documents, words: englishWords(tokenizer.model.vocab), style: 'words', seed });
}

/** Writes calls where a driver can read them. @returns the file's path */
export function writeCalls(folder: string, calls: readonly CorpusRequest[]): string {
  const path = join(folder, 'requests.json');
  writeFileSync(path, JSON.stringify(calls));
  return path;
}

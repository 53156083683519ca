// The cohere-ai that @langchain/cohere brings along: an older major version than our own, and the one its types name.

import { createRequire } from 'node:module';
import type { CohereRerank } from '@langchain/cohere';

type Client = CohereRerank['client'];

interface CohereOfLangchain {
  readonly CohereClient: new (options: { readonly token: string; readonly baseUrl: string }) => Client;
  readonly CohereError: new () => Error & { readonly statusCode?: number };
}

export const { CohereClient, CohereError } = createRequire(import.meta.resolve('@langchain/cohere'))(
  'cohere-ai',
) as CohereOfLangchain;

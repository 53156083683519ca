// LangChain's reranker on top of the Cohere SDK, which knows v1 only.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CohereRerank } from '@langchain/cohere';
import { Document } from '@langchain/core/documents';
import { CohereClient, CohereError } from './cohere-of-langchain.ts';
import { assertDescending, assertRanked, BEST, DOCUMENTS, FOREIGN_MODEL, QUERY, serve } from './support.ts';

test('@langchain/cohere ranks and compresses documents', async (t) => {
  const url = await serve(t);
  for (const baseUrl of [url, `${url}/cohere`]) {
    const reranker = new CohereRerank({ client: new CohereClient({ token: 'any', baseUrl }), model: FOREIGN_MODEL, topN: 2 });

    await t.test(`rerank, ${baseUrl.slice(url.length)}/`, async () => {
      const results = await reranker.rerank([...DOCUMENTS], QUERY, { topN: DOCUMENTS.length });
      assertRanked(
        results.map(({ index, relevanceScore }) => ({ index, score: relevanceScore })),
        DOCUMENTS.length,
      );
    });

    await t.test(`compressDocuments, ${baseUrl.slice(url.length)}/`, async () => {
      const documents = DOCUMENTS.map((pageContent, page) => new Document({ pageContent, metadata: { page } }));
      const kept = await reranker.compressDocuments(documents, QUERY);
      assert.equal(kept.length, 2);
      assert.deepEqual([kept[0]!.pageContent, kept[0]!.metadata['page']], [DOCUMENTS[BEST], BEST]);
      assertDescending(kept.map(({ metadata }) => metadata['relevanceScore']));
    });

    await t.test(`an empty list is the SDK's error, ${baseUrl.slice(url.length)}/`, async () => {
      await assert.rejects(reranker.rerank([], QUERY), (error) => error instanceof CohereError && error.statusCode === 400);
    });
  }
});

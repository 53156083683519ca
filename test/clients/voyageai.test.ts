// The SDK of Voyage. It sends `top_k` only when it is asked for, so its base URL is below the prefix.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VoyageAIClient, VoyageAIError, VoyageAITimeoutError } from 'voyageai';
import { assertRanked, BEST, DOCUMENTS, FOREIGN_MODEL, MUCH_WORK, QUERY, serve } from './support.ts';

const documents = [...DOCUMENTS];
const model = FOREIGN_MODEL;
const once = { maxRetries: 0 };

test('voyageai ranks, and its refusals are its errors', async (t) => {
  const url = await serve(t);
  const client = new VoyageAIClient({ apiKey: 'any', baseUrl: `${url}/voyage/v1` });

  await t.test('all documents', async () => {
    const answer = await client.rerank({ model, query: QUERY, documents });
    assertRanked(named(answer), DOCUMENTS.length);
    assert.equal(answer.object, 'list');
    assert.equal(answer.data![0]!.document, undefined);
    assert.ok(answer.usage!.totalTokens! > 0);
  });

  await t.test('the best ones with their texts, also on the shared path, where top_k tells the caller', async () => {
    for (const baseUrl of [`${url}/voyage/v1`, `${url}/v1`]) {
      const shared = new VoyageAIClient({ apiKey: 'any', baseUrl });
      const answer = await shared.rerank({ model, query: QUERY, documents, topK: 2, returnDocuments: true, truncation: true });
      assertRanked(named(answer), 2);
      assert.equal(answer.data![0]!.document, DOCUMENTS[BEST]);
    }
  });

  await t.test('refusals', async () => {
    await assert.rejects(client.rerank({ model, query: QUERY, documents: [] }, once), (error) =>
      isTyped(error, 400, /documents/),
    );
    const long = ['bamboo '.repeat(2000)];
    const uncut = client.rerank({ model, query: QUERY, documents: long, truncation: false }, once);
    await assert.rejects(uncut, (error) => isTyped(error, 400, /./));
    const late = client.rerank({ model, query: QUERY, documents: MUCH_WORK }, { timeoutInSeconds: 0.2, maxRetries: 0 });
    await assert.rejects(late, (error) => error instanceof VoyageAITimeoutError || error instanceof VoyageAIError);
  });
});

test('voyageai: another model than the served one is its error 404 with --strict-model', async (t) => {
  const url = await serve(t, '--strict-model', 'on');
  const client = new VoyageAIClient({ apiKey: 'any', baseUrl: `${url}/voyage/v1` });
  await assert.rejects(client.rerank({ model, query: QUERY, documents }, once), (error) =>
    isTyped(error, 404, new RegExp(model)),
  );
});

function named({ data }: Awaited<ReturnType<VoyageAIClient['rerank']>>) {
  return data!.map(({ index, relevanceScore }) => ({ index: index!, score: relevanceScore! }));
}

function isTyped(error: unknown, status: number, detail: RegExp): true {
  assert.ok(error instanceof VoyageAIError, String(error));
  assert.equal(error.statusCode, status);
  assert.match((error.body as { detail: string }).detail, detail);
  return true;
}

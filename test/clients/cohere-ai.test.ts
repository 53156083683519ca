// The SDK of Cohere, both versions of its API, on the superset answer and below the prefix.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cohere, CohereClient, CohereClientV2, CohereError, CohereTimeoutError } from 'cohere-ai';
import { assertRanked, BEST, DOCUMENTS, FOREIGN_MODEL, MUCH_WORK, QUERY, serve } from './support.ts';

const documents = [...DOCUMENTS];
const model = FOREIGN_MODEL;
const once = { maxRetries: 0 };

test('cohere-ai ranks with its v1 and v2 clients', async (t) => {
  const url = await serve(t);
  for (const baseUrl of [url, `${url}/cohere`]) {
    await t.test(`v1, strings and options, ${baseUrl.slice(url.length)}/`, async () => {
      const v1 = new CohereClient({ token: 'any', baseUrl });
      assertRanked(named((await v1.rerank({ model, query: QUERY, documents })).results), DOCUMENTS.length);
      const { id, results, meta } = await v1.rerank({
        query: QUERY,
        documents,
        topN: 2,
        returnDocuments: true,
        maxChunksPerDoc: 4,
      });
      assertRanked(named(results), 2);
      assert.deepEqual(results[0]!.document, { text: DOCUMENTS[BEST] });
      assert.match(id!, /./);
      assert.equal(meta?.apiVersion?.version, '1');
      assert.equal(meta?.billedUnits?.searchUnits, 1);
    });

    await t.test(`v1, objects and the fields that count, ${baseUrl.slice(url.length)}/`, async () => {
      const v1 = new CohereClient({ token: 'any', baseUrl });
      const texts = await v1.rerank({ query: QUERY, documents: DOCUMENTS.map((text) => ({ text })), returnDocuments: true });
      assertRanked(named(texts.results), DOCUMENTS.length);
      assert.deepEqual(texts.results[0]!.document, { text: DOCUMENTS[BEST] });
      const objects = DOCUMENTS.map((body, index) => ({ title: `page ${index}`, body }));
      assertRanked(
        named((await v1.rerank({ query: QUERY, documents: objects, rankFields: ['body'] })).results),
        DOCUMENTS.length,
      );
    });

    await t.test(`v2, ${baseUrl.slice(url.length)}/`, async () => {
      const v2 = new CohereClientV2({ token: 'any', baseUrl });
      const { results, meta } = await v2.rerank({ model, query: QUERY, documents, topN: 3, maxTokensPerDoc: 64, priority: 1 });
      assertRanked(named(results), 3);
      assert.equal(meta?.apiVersion?.version, '2');
      const v1 = await new CohereClient({ token: 'any', baseUrl }).rerank({ query: QUERY, documents, topN: 3 });
      assert.deepEqual(named(results), named(v1.results));
    });

    await t.test(`refusals are the errors of the SDK, ${baseUrl.slice(url.length)}/`, async () => {
      for (const client of [new CohereClient({ token: 'any', baseUrl }), new CohereClientV2({ token: 'any', baseUrl })]) {
        const sent = client.rerank({ model, query: QUERY, documents: [] }, once);
        await assert.rejects(sent, (error) => isTyped(error, Cohere.BadRequestError, 400, /must not be empty/));
      }
    });
  }

  await t.test('only below the prefix are blank queries refused', async () => {
    const sent = new CohereClientV2({ token: 'any', baseUrl: `${url}/cohere` }).rerank({ model, query: ' ', documents }, once);
    await assert.rejects(sent, (error) =>
      isTyped(error, Cohere.BadRequestError, 400, /^invalid request: query must not be empty/),
    );
    assert.equal(
      (await new CohereClientV2({ token: 'any', baseUrl: url }).rerank({ model, query: ' ', documents })).results.length,
      4,
    );
  });

  await t.test('what the caller gives up ends, and the server goes on', async () => {
    const client = new CohereClientV2({ token: 'any', baseUrl: url });
    const late = client.rerank({ model, query: QUERY, documents: MUCH_WORK }, { timeoutInSeconds: 0.2, maxRetries: 0 });
    // Its class for this is CohereTimeoutError, but the SDK takes its own signal for a failure of the network.
    await assert.rejects(late, (error) => error instanceof CohereTimeoutError || error instanceof CohereError);
    // The SDK leaves its timer running when a call is aborted: 300 s by default, as long as the process would stay.
    const abort = new AbortController();
    const left = client.rerank(
      { model, query: QUERY, documents: MUCH_WORK },
      { abortSignal: abort.signal, timeoutInSeconds: 2, maxRetries: 0 },
    );
    setImmediate(() => abort.abort());
    await assert.rejects(left, /abort/i);
    assertRanked(named((await client.rerank({ model, query: QUERY, documents })).results), DOCUMENTS.length);
  });
});

test('cohere-ai: another model than the served one is its NotFoundError with --strict-model', async (t) => {
  const url = await serve(t, '--strict-model', 'on');
  for (const baseUrl of [url, `${url}/cohere`]) {
    for (const client of [new CohereClient({ token: 'any', baseUrl }), new CohereClientV2({ token: 'any', baseUrl })]) {
      const sent = client.rerank({ model, query: QUERY, documents }, once);
      await assert.rejects(sent, (error) => isTyped(error, Cohere.NotFoundError, 404, new RegExp(model)));
      assertRanked(named((await client.rerank({ model: 'crossrank-mini', query: QUERY, documents })).results), DOCUMENTS.length);
    }
  }
});

function named(results: readonly { readonly index: number; readonly relevanceScore: number }[]) {
  return results.map(({ index, relevanceScore }) => ({ index, score: relevanceScore }));
}

// biome-ignore lint/suspicious/noExplicitAny: the SDK's error classes differ in their parameters
function isTyped(error: unknown, type: new (...args: any[]) => CohereError, status: number, message: RegExp): true {
  assert.ok(error instanceof type && error instanceof CohereError, String(error));
  assert.equal(error.statusCode, status);
  assert.match((error.body as { message: string }).message, message);
  return true;
}

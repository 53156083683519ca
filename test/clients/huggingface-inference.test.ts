// Hugging Face's own client, pointed at an endpoint as at text-embeddings-inference: its call with a free body ranks on `POST /`,
// its text classification scores pairs on `/predict`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InferenceClient, InferenceClientProviderApiError } from '@huggingface/inference';
import { assertDescending, assertRanked, BEST, DOCUMENTS, MUCH_WORK, QUERY, serve } from './support.ts';

interface Ranked {
  readonly index: number;
  readonly score: number;
  readonly text?: string;
}

test('@huggingface/inference ranks and classifies as with text-embeddings-inference', async (t) => {
  const url = await serve(t);

  for (const endpointUrl of [url, `${url}/tei`, `${url}/rerank`, `${url}/invocations`]) {
    await t.test(`ranks at ${new URL(endpointUrl).pathname}`, async () => {
      const texts = [...DOCUMENTS];
      assertRanked(await rank(endpointUrl, { query: QUERY, texts }), DOCUMENTS.length);
      const [best] = await rank(endpointUrl, { query: QUERY, texts, return_text: true, truncate: true });
      assert.equal(best!.text, DOCUMENTS[BEST]);
      const raw = await rank(endpointUrl, { query: QUERY, texts, raw_scores: true });
      assert.equal(raw[0]!.index, BEST);
      assert.ok(raw.at(-1)!.score < 0, 'logits');
    });
  }

  for (const endpointUrl of [`${url}/predict`, `${url}/tei/predict`]) {
    await t.test(`classifies pairs at ${new URL(endpointUrl).pathname}`, async () => {
      const client = new InferenceClient('any', { endpointUrl });
      const scores = [];
      for (const index of [BEST, 1]) {
        // The declared type is one text; the service takes pairs in the same place.
        const inputs = [[QUERY, DOCUMENTS[index]!]] as unknown as string;
        const [label, ...others] = await client.textClassification({ inputs });
        assert.equal(others.length, 0);
        assert.equal(typeof label!.label, 'string');
        scores.push(label!.score);
      }
      assertDescending(scores);
    });
  }

  await t.test('refusals are its errors, with the message of the service', async () => {
    for (const endpointUrl of [url, `${url}/tei`]) {
      await assert.rejects(rank(endpointUrl, { query: QUERY, texts: [] }), (error) => isTyped(error, 400, 'Empty'));
      await assert.rejects(rank(endpointUrl, { query: 1, texts: ['a'] }), (error) => isTyped(error, 422, 'Validation'));
    }
  });

  await t.test('what the caller gives up ends', async () => {
    const options = { signal: AbortSignal.timeout(200) };
    await assert.rejects(rank(url, { query: QUERY, texts: MUCH_WORK }, options), { name: 'TimeoutError' });
  });
});

/** The client passes every field on; its type knows the bodies of other tasks only. */
function rank(endpointUrl: string, body: object, options = {}): Promise<readonly Ranked[]> {
  const args = { ...body, endpointUrl } as unknown as Parameters<InferenceClient['request']>[0];
  return new InferenceClient('any').request<readonly Ranked[]>(args, options);
}

function isTyped(error: unknown, status: number, errorType: string): true {
  assert.ok(error instanceof InferenceClientProviderApiError, String(error));
  assert.equal(error.httpResponse.status, status);
  assert.equal((error.httpResponse.body as { error_type: string }).error_type, errorType);
  assert.match(error.message, /^Failed to perform inference: (?!an HTTP error)/);
  assert.match(error.httpResponse.requestId, /./);
  return true;
}

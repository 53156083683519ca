// Continue's client of Jina. It reads `results[].relevance_score` alone: by its hand the scores lose their indices, and an error of
// any status is a missing `results`. With `top_k` it works below the prefix only, because on the shared path that word is Voyage's.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JinaApi } from '@continuedev/openai-adapters/dist/apis/Jina.js';
import { assertDescending, DOCUMENTS, FOREIGN_MODEL, QUERY, serve } from './support.ts';

test('@continuedev/openai-adapters reads the scores', async (t) => {
  const url = await serve(t);
  const body = { model: FOREIGN_MODEL, query: QUERY, documents: [...DOCUMENTS] };
  for (const apiBase of [`${url}/v1/`, `${url}/jina/v1/`]) {
    const jina = new JinaApi({ provider: 'jina', apiKey: 'any', apiBase });
    const { data } = await jina.rerank(body);
    assert.equal(data.length, DOCUMENTS.length);
    assertDescending(data.map(({ relevance_score }) => relevance_score));
    await assert.rejects(jina.rerank({ ...body, documents: [] }), TypeError);
  }
  const { data } = await new JinaApi({ provider: 'jina', apiKey: 'any', apiBase: `${url}/jina/v1/` }).rerank({
    ...body,
    top_k: 2,
  });
  assert.equal(data.length, DOCUMENTS.length, 'Jina knows no top_k');
});

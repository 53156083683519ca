// LlamaIndex's reranker of Jina: it reads index and score, as Jina's clients do. Its address is written into it, so the test leads its
// requests from there to our server, as a gateway in a closed network would; what is sent and what is read is all its own.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { MetadataMode, TextNode } from 'llamaindex';
import { JinaAIReranker } from 'llamaindex/postprocessors';
import { assertRanked, BEST, DOCUMENTS, FOREIGN_MODEL, QUERY, serve } from './support.ts';

const JINA = 'https://api.jina.ai';

process.env['JINAAI_API_KEY'] = 'any'; // it refuses to be made without one

/** Until the test ends, what is meant for Jina goes to `baseUrl`. */
function leadJinaTo(t: TestContext, baseUrl: string): void {
  const fetchAnywhere = globalThis.fetch;
  t.mock.method(globalThis, 'fetch', (input: string | URL | Request, init?: RequestInit) =>
    fetchAnywhere(typeof input === 'string' ? input.replace(JINA, baseUrl) : input, init),
  );
}

for (const prefix of ['', '/jina']) {
  test(`JinaAIReranker ranks documents and nodes at ${prefix === '' ? 'the root' : prefix}`, async (t) => {
    leadJinaTo(t, (await serve(t)) + prefix);
    const reranker = new JinaAIReranker({ model: FOREIGN_MODEL, topN: 3 });
    const results = (await reranker.rerank(QUERY, [...DOCUMENTS])) as { index: number; relevance_score: number }[];
    assertRanked(
      results.map(({ index, relevance_score: score }) => ({ index, score })),
      3,
    );
    const nodes = DOCUMENTS.map((text) => ({ node: new TextNode({ text }) }));
    const [best, ...others] = await reranker.postprocessNodes(nodes, QUERY);
    assert.equal(best!.node.getContent(MetadataMode.NONE), DOCUMENTS[BEST]);
    assert.ok(others.length === 2 && others.every(({ score }) => score! < best!.score!));
  });
}

test('what is refused has no results, which is all it looks at', async (t) => {
  leadJinaTo(t, await serve(t));
  assert.equal(await new JinaAIReranker({ model: FOREIGN_MODEL }).rerank(QUERY, []), undefined);
});

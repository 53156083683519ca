// vLLM's dialect: rerank with its documents, score in its three proportions, truncation fields, errors.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_SCORING, type PredictRequest, type RankRequest } from '../../src/rerank/types.ts';
import { predictCounting, rankByScores, startTestServer } from './support.ts';

const FRANCE = {
  model: 'BAAI/bge-reranker-base',
  query: 'What is the capital of France?',
  documents: ['The capital of Brazil is Brasilia.', 'The capital of France is Paris.'],
};

test('the documented request gives the documented answer, documents always', async (t) => {
  const scores = [0.0005860328674316406, 0.99853515625];
  const server = await startTestServer(t, { rank: rankByScores(scores, { totalTokens: 56 }) });
  const paths = ['/vllm/rerank', '/vllm/v1/rerank', '/vllm/v2/rerank', '/vllm/invocations'];
  for (const path of paths) {
    for (const topN of [undefined, null, 0, -1, 2, 99]) {
      const reply = await server.post(path, { ...FRANCE, top_n: topN }, { 'x-request-id': 'fae51' });
      assert.deepEqual(reply.body, {
        id: 'rerank-fae51',
        model: 'fake',
        usage: { prompt_tokens: 56, total_tokens: 56 },
        results: [
          { index: 1, document: { text: FRANCE.documents[1], multi_modal: null }, relevance_score: 0.99853515625 },
          { index: 0, document: { text: FRANCE.documents[0], multi_modal: null }, relevance_score: 0.0005860328674316406 },
        ],
      });
    }
    assert.equal((await server.post(path, { ...FRANCE, top_n: 1 })).body.results.length, 1);
  }
});

test('fields reach the domain', async (t) => {
  const server = await startTestServer(t);
  const part = (text: string) => ({ content: [{ type: 'text', text }] });
  const cases: readonly (readonly [fields: object, expected: Partial<RankRequest>])[] = [
    [{ use_activation: false }, { activation: 'identity' }],
    [{ activation: false }, { activation: 'identity' }],
    [{ use_activation: true, activation: false }, {}],
    [{ truncate_prompt_tokens: -1 }, {}],
    [{ truncate_prompt_tokens: 512 }, { maxLength: 512 }],
    [{ truncation_side: 'left' }, { truncationSide: 'left' }],
    [{ max_tokens_per_doc: 0 }, {}],
    [{ max_tokens_per_doc: 511 }, { maxTokensPerDocument: 511 }],
    [{ documents: 'one' }, { documents: ['one'] }],
    [
      { query: part('Q'), documents: [part('D'), 'e'] },
      { query: 'Q', documents: ['D', 'e'] },
    ],
    [{ documents: part('D') }, { documents: ['D'] }],
    [{ user: 'me', request_id: 'x', priority: 1, mm_processor_kwargs: null, cache_salt: null }, {}],
    [
      {
        model: null,
        top_n: null,
        truncate_prompt_tokens: null,
        truncation_side: null,
        max_tokens_per_doc: null,
        use_activation: null,
      },
      {},
    ],
  ];
  for (const [fields, expected] of cases) {
    const reply = await server.post('/vllm/rerank', { query: 'q', documents: ['a'], ...fields });
    assert.equal(reply.status, 200, JSON.stringify(reply.body));
    const vendor = { ...DEFAULT_SCORING, activation: 'sigmoid', tieBreak: 'logit' };
    assert.deepEqual(server.calls.at(-1)!.request, { query: 'q', documents: ['a'], topK: null, ...vendor, ...expected });
  }
});

test('/score: 1:1, 1:N and N:N under every pair of names', async (t) => {
  const server = await startTestServer(t);
  const cases: readonly (readonly [body: object, pairs: PredictRequest['pairs']])[] = [
    [{ text_1: 'a', text_2: 'b' }, [['a', 'b']]],
    [{ text_1: ['a'], text_2: ['b'], model: null }, [['a', 'b']]],
    [{ text_1: 'a', text_2: ['b', 'c'] }, [['a', 'b'], ['a', 'c']]], // biome-ignore format: pairs
    [{ queries: ['a', 'b'], documents: ['c', 'd'] }, [['a', 'c'], ['b', 'd']]], // biome-ignore format: pairs
    [{ queries: 'a', items: ['b'] }, [['a', 'b']]],
    [{ data_1: 'a', data_2: 'b' }, [['a', 'b']]],
  ];
  for (const path of ['/score', '/v1/score', '/vllm/score', '/vllm/v1/score', '/invocations', '/vllm/invocations']) {
    for (const [body, pairs] of cases) {
      const reply = await server.post(path, body, { 'x-request-id': 'r' });
      const { created, ...answer } = reply.body;
      assert.equal(typeof created, 'number', JSON.stringify(reply.body));
      assert.deepEqual(answer, {
        id: 'score-r',
        object: 'list',
        model: 'fake',
        data: pairs.map((_, index) => ({ index, object: 'score', score: index / 2 })),
        usage: { prompt_tokens: pairs.length * 3, total_tokens: pairs.length * 3 },
      });
      assert.deepEqual((server.calls.at(-1)!.request as PredictRequest).pairs, pairs);
      assert.equal(server.calls.at(-1)!.request.activation, 'sigmoid');
    }
  }
});

test('refusals in its words', async (t) => {
  const server = await startTestServer(t);
  const cases: readonly (readonly [path: string, body: unknown, message: string, param: string | null])[] = [
    ['/vllm/score', { text_1: ['a', 'b'], text_2: ['c'] }, 'Input lengths must be either 1:1, 1:N or N:N', null],
    ['/vllm/score', { text_1: 'a', text_2: [] }, 'At least one text_pair element must be given', null],
    ['/vllm/score', { text_1: [], text_2: ['a'] }, 'At least one text element must be given', null],
    ['/vllm/score', { text_1: 'a' }, 'text_2 or documents or items or data_2 is required', 'text_2'],
    ['/vllm/rerank', { query: 'q', documents: [] }, 'At least one text_pair element must be given', 'documents'],
    [
      '/vllm/rerank',
      { ...FRANCE, truncate_prompt_tokens: -2 },
      'truncate_prompt_tokens must be at least -1',
      'truncate_prompt_tokens',
    ],
    [
      '/vllm/rerank',
      { ...FRANCE, truncate_prompt_tokens: 0 },
      'truncate_prompt_tokens must be -1 or at least 1',
      'truncate_prompt_tokens',
    ],
    [
      '/vllm/rerank',
      { ...FRANCE, truncate_prompt_tokens: 513 },
      'truncate_prompt_tokens value (513) is greater than max_model_len (512)',
      'truncate_prompt_tokens',
    ],
    [
      '/vllm/rerank',
      { ...FRANCE, max_tokens_per_doc: 512 },
      'max_tokens_per_doc must be less than max_model_len (512)',
      'max_tokens_per_doc',
    ],
    ['/vllm/rerank', { ...FRANCE, max_tokens_per_doc: -1 }, 'max_tokens_per_doc must be at least 0', 'max_tokens_per_doc'],
    [
      '/vllm/rerank',
      { ...FRANCE, query: { content: [{ type: 'image_url', image_url: {} }] } },
      'query has parts that are no text; this model reads text only',
      'query',
    ],
  ];
  for (const [path, body, message, param] of cases) {
    const reply = await server.post(path, body);
    assert.deepEqual([reply.status, reply.body], [400, { error: { message, type: 'BadRequestError', param, code: 400 } }]);
  }
});

test('/score refuses a model with several labels', async (t) => {
  const server = await startTestServer(t, { predict: predictCounting(3), spec: { labels: ['no', 'maybe', 'yes'] } });
  const reply = await server.post('/score', { text_1: 'a', text_2: 'b' });
  assert.deepEqual([reply.status, reply.body.error.type], [400, 'BadRequestError']);
  assert.equal(server.calls.length, 0);
});

// Who answers where: the shared paths by the body's keys, the prefixes, --dialect, --strict-model.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTestServer } from './support.ts';

const RERANK_PATHS = ['/rerank', '/reranking', '/v1/rerank', '/v1/reranking', '/v2/rerank'];
const PREFIXED = ['tei', 'cohere', 'jina', 'voyage', 'infinity', 'vllm', 'llamacpp'] as const;

const DOCUMENTS = { query: 'q', documents: ['a'] };
const TEXTS = { query: 'q', texts: ['a'] };
const TOP_K = { ...DOCUMENTS, top_k: 1 };
const SCORE = { text_1: 'a', text_2: 'b' };

/** Body, where it is sent, and whose answer comes back by default. */
const BY_BODY: readonly (readonly [body: object, paths: readonly string[], shape: string])[] = [
  [DOCUMENTS, [...RERANK_PATHS, '/invocations'], 'superset'],
  [{ ...TOP_K, top_n: 1 }, RERANK_PATHS, 'superset'],
  [TOP_K, RERANK_PATHS, 'voyage'],
  [{ ...DOCUMENTS, top_k: null }, RERANK_PATHS, 'voyage'],
  [TEXTS, ['/', '/invocations', ...RERANK_PATHS], 'texts'],
  [{ ...TEXTS, documents: ['a'], top_k: 1 }, RERANK_PATHS, 'texts'],
  [SCORE, ['/score', '/v1/score', '/invocations'], 'score'],
  [{ inputs: ['a', 'b'] }, ['/predict'], 'labels'],
  [{ pairs: ['a', 'b'] }, ['/predict'], 'native'],
];

test('on shared paths the keys of the body decide', async (t) => {
  const server = await startTestServer(t);
  for (const [body, paths, shape] of BY_BODY) {
    for (const path of paths)
      assert.equal(shapeOf((await server.post(path, body)).body), shape, `${path} ${JSON.stringify(body)}`);
  }
});

/** Paths that a dialect's clients append to a base URL, and the shape of the answer. */
const BELOW_PREFIX: readonly (readonly [path: string, body: object, shape: string])[] = [
  ...['/tei', '/tei/', '/tei/rerank', '/tei/invocations'].map((path) => [path, TEXTS, 'texts'] as const),
  ['/tei/predict', { inputs: 'a' }, 'labels'],
  ...['/cohere/v1/rerank', '/cohere/rerank', '/cohere/v2/rerank'].map((path) => [path, DOCUMENTS, 'cohere'] as const),
  ...['/jina/v1/rerank', '/jina/rerank'].map((path) => [path, DOCUMENTS, 'jina'] as const),
  ['/jina/v1/rerank', TOP_K, 'jina'],
  ...['/voyage/v1/rerank', '/voyage/rerank'].map((path) => [path, DOCUMENTS, 'voyage'] as const),
  ...['/infinity/rerank', '/infinity/v1/rerank'].map((path) => [path, DOCUMENTS, 'infinity'] as const),
  ...['/vllm/rerank', '/vllm/v1/rerank', '/vllm/v2/rerank', '/vllm/invocations'].map(
    (path) => [path, DOCUMENTS, 'vllm'] as const,
  ),
  ...['/vllm/score', '/vllm/v1/score', '/vllm/invocations'].map((path) => [path, SCORE, 'score'] as const),
  ...['/rerank', '/reranking', '/v1/rerank', '/v1/reranking'].flatMap((path) => [
    [`/llamacpp${path}`, DOCUMENTS, 'llamacpp'] as const,
    [`/llamacpp${path}`, TEXTS, 'texts'] as const,
  ]),
];

test('below a prefix one dialect answers alone', async (t) => {
  const server = await startTestServer(t);
  for (const [path, body, shape] of BELOW_PREFIX) {
    const reply = await server.post(path, body);
    assert.deepEqual([reply.status, shapeOf(reply.body)], [200, shape], path);
  }
  for (const name of PREFIXED) {
    for (const probe of ['/health', '/ready', '/ping', '/info'])
      assert.equal((await server.send(`/${name}${probe}`)).status, 200);
    assert.equal((await server.post(`/${name}/rank`, DOCUMENTS)).status, 404, 'the native routes are not below it');
  }
});

test('--dialect answers on shared paths what the body does not decide', async (t) => {
  const expected = { tei: 'error', cohere: 'cohere', jina: 'jina', voyage: 'voyage', infinity: 'infinity', vllm: 'vllm' };
  for (const [dialect, shape] of Object.entries({ ...expected, llamacpp: 'llamacpp', superset: 'superset' })) {
    const server = await startTestServer(t, { flags: { dialect } });
    for (const path of ['/rerank', '/v1/rerank']) {
      assert.equal(shapeOf((await server.post(path, DOCUMENTS)).body), shape, `${dialect} ${path}`);
      assert.equal(shapeOf((await server.post(path, TEXTS)).body), 'texts', `${dialect} ${path}`);
      assert.equal(shapeOf((await server.post(path, TOP_K)).body), 'voyage', `${dialect} ${path}`);
    }
    assert.equal(shapeOf((await server.post('/predict', { pairs: ['a', 'b'] })).body), 'native');
    assert.equal(shapeOf((await server.post('/jina/v1/rerank', DOCUMENTS)).body), 'jina');
  }
});

test('--dialect llamacpp: texts get logits too; --dialect cohere: v2 has its own path', async (t) => {
  const llamacpp = await startTestServer(t, { flags: { dialect: 'llamacpp' } });
  await llamacpp.post('/rerank', { ...TEXTS, top_n: 1 });
  assert.equal(llamacpp.calls.at(-1)!.request.activation, 'identity');
  const cohere = await startTestServer(t, { flags: { dialect: 'Cohere' } });
  assert.equal((await cohere.post('/v2/rerank', DOCUMENTS)).body.meta.api_version.version, '2');
  assert.equal(shapeOf((await cohere.post('/reranking', DOCUMENTS)).body), 'superset', 'a path it does not know');
});

test('--dialect must name one', async (t) => {
  await assert.rejects(startTestServer(t, { flags: { dialect: 'bing' } }), {
    code: 'config',
    message: /^--dialect must be one of native, original, superset, tei, .*, got 'bing'$/,
  });
});

test('before the body is understood the path decides whose words errors have', async (t) => {
  const server = await startTestServer(t);
  const own: Readonly<Record<string, string>> = {
    '/rerank': 'superset',
    '/v2/rerank': 'superset',
    '/': 'tei',
    '/rank': 'native',
    '/predict': 'native',
    '/score': 'openai',
    '/rank_documents': 'detail',
    '/tei/rerank': 'tei',
    '/cohere/v2/rerank': 'cohere',
    '/jina/v1/rerank': 'jina',
    '/voyage/v1/rerank': 'detail',
    '/infinity/rerank': 'detail',
    '/vllm/rerank': 'openai',
    '/llamacpp/rerank': 'llamacpp',
  };
  for (const [path, shape] of Object.entries(own)) assert.equal(errorShapeOf((await server.post(path, '{')).body), shape, path);
  const unknown = {
    tei: 'tei',
    cohere: 'cohere',
    jina: 'jina',
    voyage: 'detail',
    infinity: 'openai',
    vllm: 'openai',
    llamacpp: 'llamacpp',
  };
  for (const [name, shape] of Object.entries(unknown)) {
    for (const path of [`/${name}/nope`, `/${name.toUpperCase()}/v3/rerank/`]) {
      const reply = await server.post(path, DOCUMENTS);
      assert.deepEqual([reply.status, errorShapeOf(reply.body)], [404, shape], path);
    }
    const defaulting = await startTestServer(t, { flags: { dialect: name } });
    assert.equal(errorShapeOf((await defaulting.send('/nope')).body), shape);
    assert.equal(errorShapeOf((await defaulting.send('/rerank')).body), shape, '405');
  }
  assert.equal(errorShapeOf((await server.send('/nope')).body), 'native');
});

test('any model name passes by default; --strict-model answers 404 in the dialect', async (t) => {
  const open = await startTestServer(t, { flags: { 'served-model-name': 'shop' } });
  const strict = await startTestServer(t, { flags: { 'served-model-name': 'shop', 'strict-model': 'on' } });
  const paths = {
    '/rerank': 'superset',
    '/cohere/v1/rerank': 'cohere',
    '/cohere/v2/rerank': 'cohere',
    '/jina/v1/rerank': 'jina',
  };
  const more = {
    '/voyage/v1/rerank': 'detail',
    '/infinity/rerank': 'openai',
    '/vllm/rerank': 'openai',
    '/llamacpp/rerank': 'llamacpp',
  };
  for (const [path, shape] of Object.entries({ ...paths, ...more })) {
    assert.equal((await open.post(path, { ...DOCUMENTS, model: 'other' })).status, 200, path);
    for (const model of ['shop', null, undefined])
      assert.equal((await strict.post(path, { ...DOCUMENTS, model })).status, 200, path);
    const refused = await strict.post(path, { ...DOCUMENTS, model: 'other' });
    assert.deepEqual([refused.status, errorShapeOf(refused.body)], [404, shape], path);
    assert.ok(JSON.stringify(refused.body).includes("model 'other' not found; this server has 'shop'"));
  }
  const score = await strict.post('/score', { ...SCORE, model: 'other' });
  assert.deepEqual([score.status, score.body.error.type, score.body.error.param], [404, 'NotFoundError', 'model']);
  assert.equal((await strict.post('/infinity/rerank', { ...DOCUMENTS, model: 'default/not-specified' })).status, 200);
  assert.equal((await strict.post('/jina/rerank', { ...DOCUMENTS, model: 'x' })).body.code, 'INPUT_MODEL_NOT_FOUND');
  const long = await strict.post('/rerank', { ...DOCUMENTS, model: 'x'.repeat(9999) });
  assert.ok(long.body.message.length < 200);
});

/** Which contract an answer has, by what tells it from the others. */
// biome-ignore lint/suspicious/noExplicitAny: answers of every shape
function shapeOf(body: any): string {
  if (Array.isArray(body)) return 'label' in (body[0] ?? {}) ? 'labels' : 'texts';
  if (body.error !== undefined) return 'error';
  if (body.activation !== undefined) return 'native';
  if (body.object === 'rerank') return 'infinity';
  if (body.data !== undefined) return body.created === undefined ? 'voyage' : 'score';
  if (body.meta !== undefined) return body.object === undefined ? 'cohere' : 'superset';
  if (body.results[0].document?.multi_modal === null) return 'vllm';
  return body.usage.prompt_tokens === undefined ? 'jina' : 'llamacpp';
}

// biome-ignore lint/suspicious/noExplicitAny: answers of every shape
function errorShapeOf(body: any): string {
  if (body.error_type !== undefined) return 'tei';
  if (body.error?.type !== undefined && body.message !== undefined) return 'superset';
  if (body.error !== undefined) return body.id !== undefined ? 'native' : 'param' in body.error ? 'openai' : 'llamacpp';
  if (body.message !== undefined) return 'cohere';
  return body.request_id === undefined ? 'detail' : 'jina';
}

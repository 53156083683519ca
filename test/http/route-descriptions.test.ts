// What documentation is generated from: every route's examples are answered as its schemas say.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { DIALECTS } from '../../src/http/dialects/dialect-list.ts';
import { RouteTable } from '../../src/http/route-table.ts';
import { startTestServer } from './support.ts';

const { paths } = new RouteTable(DIALECTS, null);
const mounted = paths.flatMap(({ path, methods }) =>
  [...methods].flatMap(([method, { claims }]) => claims.map(({ route, dialect }) => ({ path, method, route, dialect }))),
);

test('every example is answered with 200 by its own dialect and fits the schema of the answer', async (t) => {
  const server = await startTestServer(t, {
    rank: async (request) => ({ ...(await rankAll(request.documents.length)), activation: 'sigmoid' }),
  });
  let posted = 0;
  for (const { path, route, dialect } of mounted.filter(({ method }) => method === 'POST')) {
    assert.ok(route.examples.length > 0, path);
    for (const example of route.examples) {
      const below =
        path.startsWith(`/${dialect.name}`) || !dialect.prefixed ? path : `/${dialect.name}${path === '/' ? '' : path}`;
      const reply = await server.post(below, example);
      assert.equal(reply.status, 200, `${below} ${JSON.stringify(reply.body)}`);
      assert.doesNotThrow(() => route.answerSchema.parse(reply.body), `${below} ${JSON.stringify(reply.body)}`);
      posted += 1;
    }
  }
  assert.ok(posted > 60, `${posted} examples`);
});

test('every GET route answers as its schema says', async (t) => {
  const server = await startTestServer(t);
  for (const { path, methods } of paths) {
    const route = methods.get('GET')?.owner.route;
    if (route === undefined) continue;
    const reply = await server.send(path);
    assert.equal(reply.status, 200, path);
    assert.doesNotThrow(() => route.answerSchema.parse(reply.body), path);
    assert.equal(route.schema, null);
  }
});

test('every schema can be written as JSON Schema', () => {
  for (const { path, route, dialect } of mounted) {
    const schemas = [route.answerSchema, dialect.errorSchema, ...(route.schema ? [route.schema] : [])];
    for (const schema of schemas) assert.doesNotThrow(() => z.toJSONSchema(schema, { io: 'input' }), path);
    assert.match(route.summary, /^[A-Z].*[^.]$/);
  }
});

test('names of dialects are unique, and none of their prefixes is a path of another', () => {
  const names = DIALECTS.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  const firstSegments = DIALECTS.flatMap(({ routes }) => routes.map(({ path }) => path.split('/')[1]));
  assert.deepEqual(
    names.filter((name) => firstSegments.includes(name)),
    [],
  );
});

async function rankAll(total: number) {
  const results = Array.from({ length: total }, (_, index) => ({ index, score: 1 / (index + 1), logit: index }));
  const timing = { queueMs: 0, tokenizationMs: 0, inferenceMs: 0, totalMs: 0 };
  return { results, model: 'fake', truncated: [0], chunks: [2, ...Array(total - 1).fill(1)], totalTokens: 3, timing };
}

// The last middleware fails for nobody: whatever throws, wherever, the answer is JSON in the dialect of the path.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import express, { type RequestHandler } from 'express';
import { z } from 'zod';
import { RerankError } from '../../src/errors.ts';
import type { Dialect } from '../../src/http/dialects/dialect.ts';
import { factsRoute } from '../../src/http/dialects/routes.ts';
import { errorHandler } from '../../src/http/error-handler.ts';
import { requestContext } from '../../src/http/request-context.ts';
import { RouteTable } from '../../src/http/route-table.ts';
import { createLogger } from '../../src/logger.ts';
import { UNRECORDED } from '../../src/tracing.ts';
import { startTestServer } from './support.ts';

type Render = Dialect['renderError'];

const plain: Render = (error) => ({ status: error.status, body: { plain: error.message } });

function dialectWith(renderError: Render): Dialect {
  const answerSchema = z.strictObject({});
  const routes = [factsRoute({ path: '/facts', summary: 'Facts', answerSchema, render: () => ({}) })];
  return { name: 'odd', title: 'Odd', prefixed: false, routes, errorSchema: z.looseObject({}), renderError };
}

interface Case {
  readonly renderError: Render;
  readonly thrown: unknown;
  readonly withContext?: boolean;
}

/** What a server answers that throws. */
async function answered(test: TestContext, { renderError, thrown, withContext = true }: Case) {
  const table = new RouteTable([dialectWith(renderError)], null);
  const stream = new Writable({ write: (_chunk, _encoding, done) => done() });
  const logger = createLogger({ level: 'debug', json: true, colour: false, stream });
  const app = express();
  const fail: RequestHandler = () => {
    throw thrown;
  };
  if (withContext) app.use(requestContext({ timeoutMs: 1000, logger, table, tracer: UNRECORDED.tracer, isQuiet: () => true }));
  app.use(fail, errorHandler(table, logger));
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => server.close());
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/facts`);
  assert.match(response.headers.get('content-type') ?? '', /^application\/json/);
  return { status: response.status, body: JSON.parse(await response.text()), retry: response.headers.get('retry-after') };
}

const INTERNAL = { status: 500, body: { plain: 'internal error' }, retry: null };

test('whatever is thrown is an internal error in the dialect', async (t) => {
  const circular: { self?: unknown } = {};
  circular.self = circular;
  const endless = new Error('why');
  endless.cause = endless;
  const touchy = new Proxy(new Error('x'), {
    get: () => {
      throw new Error('no property can be read');
    },
  });
  for (const thrown of ['text', 1n, circular, endless, touchy, new RangeError('Invalid string length')]) {
    assert.deepEqual(await answered(t, { renderError: plain, thrown }), INTERNAL);
  }
});

test('a request that fails before it has its context is answered in the dialect of its path', async (t) => {
  assert.deepEqual(await answered(t, { renderError: plain, thrown: new Error('early'), withContext: false }), INTERNAL);
});

test('a dialect that cannot word an error says internal error, and one that can word none still gets JSON', async (t) => {
  const thrown = new RerankError('validation', 'wrong');
  const cannot: Render = () => {
    throw new Error('cannot');
  };
  const onlyInternal: Render = (error, id) => (error.code === 'internal' ? plain(error, id) : cannot(error, id));
  assert.deepEqual(await answered(t, { renderError: onlyInternal, thrown }), INTERNAL);
  assert.deepEqual(await answered(t, { renderError: cannot, thrown }), { ...INTERNAL, body: { error: 'internal error' } });
  const circular: { self?: unknown } = {};
  circular.self = circular;
  for (const body of [circular, { big: 1n }, { toJSON: () => assert.fail('no JSON') }]) {
    const unwritable: Render = (error, id) => (error.code === 'internal' ? plain(error, id) : { status: 422, body });
    assert.deepEqual(await answered(t, { renderError: unwritable, thrown }), INTERNAL);
  }
});

test('Retry-After is a whole number of seconds, whatever the error says', async (t) => {
  for (const [seconds, expected] of [
    [0.2, '1'],
    [2.1, '3'],
    [Number.NaN, '1'],
    [Number.POSITIVE_INFINITY, '1'],
    [-5, '1'],
  ] as const) {
    const thrown = new RerankError('overloaded', 'full', { retryAfterSeconds: seconds });
    assert.equal((await answered(t, { renderError: plain, thrown })).retry, expected);
  }
});

test('a whole server: a tracer that throws, and a result that cannot be written, are 500 in the dialect', async (t) => {
  let broken = true;
  const begin = () => {
    if (broken) throw new Error('tracer');
    return null;
  };
  const server = await startTestServer(t, {
    tracer: { begin },
    rank: () => Promise.reject(new RangeError('Invalid string length')),
  });
  const early = await server.post('/rank', { query: 'q', documents: [] });
  assert.deepEqual([early.status, early.body], [500, { error: { code: 'internal', message: 'internal error' }, id: '' }]);
  broken = false;
  const late = await server.post('/rank', { query: 'q', documents: [] });
  assert.deepEqual([late.status, late.body.error.code], [500, 'internal']);
});

// The OpenAPI document: valid, complete, and true for every example. Every other test's answers are held against it by support.ts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { DIALECTS } from '../../src/http/dialects/dialect-list.ts';
import type { OpenApiDocument, Operation } from '../../src/http/openapi/document.ts';
import { openApiDocument } from '../../src/http/openapi.ts';
import { RouteTable } from '../../src/http/route-table.ts';
import { VERSION } from '../../src/version.ts';
import { Contract } from './contract.ts';
import { startTestServer } from './support.ts';

const OPEN = { secured: false, strictModel: false };
const document = openApiDocument(new RouteTable(DIALECTS, null), OPEN);

for (const [name, options] of Object.entries({ open: OPEN, closed: { secured: true, strictModel: true } })) {
  test(`the document of a server that is ${name} is valid OpenAPI 3.1`, async () => {
    for (const dialect of [null, ...DIALECTS.map((each) => each.name)]) {
      const written = openApiDocument(new RouteTable(DIALECTS, dialect), options);
      const { valid, errors } = await new Validator().validate(JSON.parse(JSON.stringify(written)));
      assert.ok(valid, JSON.stringify(errors));
      assert.deepEqual(danglingRefs(written), []);
    }
  });
}

test('it names every path of the server, the version and the licence', () => {
  const { paths } = new RouteTable(DIALECTS, null);
  for (const { path, methods } of paths) {
    const documented = Object.keys(document.paths[path] ?? {}).map((method) => method.toUpperCase());
    assert.deepEqual(documented.sort(), [...methods.keys()].sort(), path);
  }
  for (const path of ['/health', '/ready', '/ping', '/info', '/tei/health', '/openapi.json', '/docs'])
    assert.ok(document.paths[path]);
  assert.deepEqual([document.info.version, document.info.license.identifier], [VERSION, 'Apache-2.0']);
  const ids = operationsOf(document).map(({ operation }) => operation.operationId);
  assert.equal(new Set(ids).size, ids.length);
  const titles = new Set(document.tags.map(({ name }) => name));
  for (const { operation } of operationsOf(document)) assert.ok(operation.tags.every((tag) => titles.has(tag)));
});

test('a POST operation tells its failures in the wording of its dialects', () => {
  const statuses = (path: string) => Object.keys(document.paths[path]!.post!.responses).map(Number);
  assert.deepEqual(statuses('/rank'), [200, 400, 413, 415, 422, 429, 500, 503, 504]);
  assert.ok(statuses('/tei/rerank').includes(424));
  assert.ok(statuses('/llamacpp/rerank').includes(501));
  const { responses } = document.paths['/rank']!.post!;
  assert.deepEqual(responses['429']!.content!['application/json']!.schema, { $ref: '#/components/schemas/native.error' });
  assert.ok('Retry-After' in responses['429']!.headers!);
});

test('only a server with keys asks for one, and not from whoever watches it', () => {
  assert.ok(operationsOf(document).every(({ operation }) => operation.security === undefined && !('401' in operation.responses)));
  const closed = openApiDocument(new RouteTable(DIALECTS, null), { secured: true, strictModel: true });
  const isOpen = /\/(health|ready|ping)$/;
  for (const { path, operation } of operationsOf(closed)) {
    const wanted = isOpen.test(path) ? undefined : [{ apiKey: [] }];
    assert.deepEqual(operation.security, wanted, path);
    assert.equal('401' in operation.responses, wanted !== undefined, path);
  }
  const has404 = (path: string) => '404' in closed.paths[path]!.post!.responses;
  assert.deepEqual([has404('/rerank'), has404('/rank')], [true, false], 'only where a request can name a model');
});

test('every example fits the schema it illustrates, and posted it is answered as documented', async (t) => {
  const server = await startTestServer(t);
  const ajv = new Ajv2020({ strict: false });
  let posted = 0;
  for (const { path, operation } of operationsOf(document)) {
    const body = operation.requestBody?.content['application/json'];
    if (body === undefined) continue;
    const validate = ajv.compile({ ...body.schema, components: document.components });
    const examples = Object.entries(body.examples ?? {});
    assert.ok(examples.length > 0, path);
    for (const [name, { value }] of examples) {
      assert.ok(validate(value), `${path} ${name} ${ajv.errorsText(validate.errors)}`);
      const reply = await server.post(path, value); // support.ts checks the answer
      assert.equal(reply.status, 200, `${path} ${name} ${JSON.stringify(reply.body)}`);
      posted += 1;
    }
  }
  assert.ok(posted > 80, `${posted} examples`);
});

test('every GET operation answers as documented', async (t) => {
  const server = await startTestServer(t);
  for (const [path, { get }] of Object.entries(document.paths)) {
    if (get !== undefined) assert.equal((await server.send(path)).status, 200, path);
  }
});

test('the judge of the other tests sees what is not as documented', () => {
  const contract = new Contract(DIALECTS, { dialect: null, strictModel: false, apiKeys: [] });
  const headers = new Headers({ 'content-type': 'application/json' });
  const wrong = [
    ['GET', '/health', 200, { status: 'well' }],
    ['GET', '/health', 503, { status: 'ok' }],
    ['POST', '/rank', 418, {}],
    ['POST', '/rank', 422, { detail: 'not the native wording' }],
    ['POST', '/nowhere', 200, {}],
    ['POST', '/cohere/nowhere', 404, { error: { code: 'not_found', message: '' }, id: '' }],
  ] as const;
  for (const [method, path, status, body] of wrong) {
    assert.throws(() => contract.check(method, path, { status, headers, body }), { name: 'AssertionError' }, `${path} ${status}`);
  }
  contract.check('GET', '/health', { status: 200, headers, body: { status: 'ok' } });
});

interface PlacedOperation {
  readonly path: string;
  readonly operation: Operation;
}

function operationsOf({ paths }: OpenApiDocument): PlacedOperation[] {
  return Object.entries(paths).flatMap(([path, item]) => Object.values(item).map((operation) => ({ path, operation })));
}

/** References to components that do not exist. */
function danglingRefs({ components, ...rest }: OpenApiDocument): string[] {
  const refs = [...JSON.stringify({ components, ...rest }).matchAll(/"\$ref":"#\/components\/(\w+)\/([^"]+)"/g)];
  assert.ok(refs.length > 100);
  const all = components as unknown as Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  return refs.filter(([, kind, name]) => all[kind!]?.[name!] === undefined).map(([ref]) => ref);
}

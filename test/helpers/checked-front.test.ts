// The judge of the answers of whole processes: it lets pass what is documented and tells of everything else.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { DIALECTS } from '../../src/http/dialects/dialect-list.ts';
import { contractOf } from '../http/contract.ts';
import { type Front, startFront } from './checked-front.ts';

async function frontOf(t: TestContext, listener: RequestListener): Promise<Front> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const contract = contractOf(DIALECTS, { dialect: null, strictModel: false, apiKeys: [] });
  return startFront(t, `http://127.0.0.1:${(server.address() as AddressInfo).port}`, contract);
}

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' };

test('what is documented passes unchanged, in both directions', async (t) => {
  const seen: string[] = [];
  const front = await frontOf(t, async (req, res) => {
    let body = '';
    for await (const part of req) body += part;
    seen.push(`${req.method} ${req.url} ${req.headers['x-mine']} ${body}`);
    res.writeHead(200, { ...JSON_TYPE, 'x-theirs': '1' }).end('[[]]');
  });
  const init = { method: 'POST', headers: { 'x-mine': 'a', 'content-type': 'application/json' }, body: '{"inputs":"a"}' };
  const reply = await fetch(`${front.url}/tei/tokenize?x=1`, init);
  assert.deepEqual([reply.status, reply.headers.get('x-theirs'), await reply.text()], [200, '1', '[[]]']);
  assert.deepEqual(seen, ['POST /tei/tokenize?x=1 a {"inputs":"a"}']);
  assert.deepEqual([front.checked, front.problems], [1, []]);
});

test('a wrong body, status, content type or path is told', async (t) => {
  const answers = [
    ['/tei/tokenize', 200, JSON_TYPE, '[[{"id":1,"text":"a","special":false,"start":0}]]'],
    ['/health', 200, JSON_TYPE, '{"status":"well"}'],
    ['/health', 418, JSON_TYPE, '{"status":"ok"}'],
    ['/health', 200, { 'content-type': 'text/plain' }, 'ok'],
    ['/nowhere', 200, JSON_TYPE, '{}'],
  ] as const;
  const front = await frontOf(t, (req, res) => {
    req.resume();
    const [, status, headers, body] = answers[Number(req.headers['x-case'])]!;
    res.writeHead(status, headers).end(body);
  });
  for (const [index, [path]] of answers.entries()) {
    const method = path.endsWith('tokenize') ? 'POST' : 'GET';
    await (await fetch(front.url + path, { method, headers: { 'x-case': String(index) } })).text();
    assert.equal(front.problems.length, index + 1, path);
  }
});

test('a server that dies mid-answer takes the connection along', async (t) => {
  const front = await frontOf(t, (_req, res) => {
    res.writeHead(200, { ...JSON_TYPE, 'content-length': '100' });
    res.write('{');
    res.socket?.destroy();
  });
  await assert.rejects(fetch(`${front.url}/health`).then((reply) => reply.text()));
  assert.equal(front.checked, 0);
});

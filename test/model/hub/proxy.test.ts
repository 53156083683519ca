// The hub through a proxy: which requests go there, and what is said when it refuses.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request as httpRequest, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setUp } from './support.ts';

interface Proxy {
  readonly url: string;
  /** `GET http://...` and `CONNECT host:port`, as they came. */
  readonly seen: string[];
}

/** Forwards plain requests and tunnels; refuses tunnels to hosts that are not of this machine. */
async function startProxy(t: TestContext): Promise<Proxy> {
  const seen: string[] = [];
  const server: Server = createServer((incoming, outgoing) => {
    seen.push(`${incoming.method} ${incoming.url}`);
    const forwarded = httpRequest(incoming.url!, { method: incoming.method, headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(forwarded);
  });
  server.on('connect', (incoming, socket) => {
    seen.push(`CONNECT ${incoming.url}`);
    const [host, port] = incoming.url!.split(':');
    if (host !== '127.0.0.1') return void socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    const upstream = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.pipe(socket).pipe(upstream);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

test('every request goes through the proxy, but for hosts that NO_PROXY names', async (t) => {
  const { hub, resolve } = await setUp(t);
  const proxy = await startProxy(t);
  await resolve({}, { proxies: { http: proxy.url, https: '', none: '' } });
  assert.equal(proxy.seen.length, hub.seen.length);
  assert.ok(
    proxy.seen.some((line) => line.startsWith(`GET ${hub.filesOrigin}/`)),
    proxy.seen.join('\n'),
  );
  proxy.seen.length = 0;
  await resolve({ revision: 'main' }, { proxies: { http: proxy.url, https: '', none: '127.0.0.1' } });
  assert.deepEqual(proxy.seen, []);
});

test('a transfer that stands still behind a proxy is noticed too', async (t) => {
  const { hub, resolve } = await setUp(t);
  const proxy = await startProxy(t);
  hub.faults.push({ match: /^files /, kind: 'stall', after: 2000 });
  await resolve({}, { proxies: { http: proxy.url, https: '', none: '' } });
  assert.equal(hub.seen.filter(({ host }) => host === 'files').at(-1)!.headers.range, 'bytes=2000-');
});

test('https goes through a tunnel of HTTPS_PROXY; a proxy that refuses is named', async (t) => {
  const { resolve } = await setUp(t);
  const proxy = await startProxy(t);
  const proxies = { http: '', https: proxy.url, none: '' };
  const { host } = new URL(proxy.url);
  const message = new RegExp(`^cannot reach the hub at https://hub\\.example through the proxy ${host}: `);
  await assert.rejects(resolve({}, { proxies, endpoint: 'https://hub.example' }), { code: 'model_files', message });
  assert.equal(proxy.seen[0], 'CONNECT hub.example:443');
});

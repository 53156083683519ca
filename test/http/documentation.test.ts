// GET /openapi.json and /docs: what is served, with which headers, and that nothing comes from elsewhere.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { repoRoot } from '../helpers/paths.ts';
import { startTestServer } from './support.ts';

test('/openapi.json is the document, answered 304 while it is the same', async (t) => {
  const server = await startTestServer(t, { status: { state: 'starting' } });
  const first = await server.send('/openapi.json');
  assert.deepEqual([first.status, first.body.openapi, first.body.servers], [200, '3.1.1', [{ url: './' }]]);
  const etag = first.headers.get('etag')!;
  assert.match(etag, /^"[\w-]{27}"$/);
  const again = await server.send('/openapi.json', { headers: conditional(etag) });
  assert.deepEqual([again.status, again.body], [304, '']);
  const other = await startTestServer(t, { flags: { dialect: 'cohere' } });
  assert.notEqual((await other.send('/openapi.json')).headers.get('etag'), etag, '--dialect changes what shared paths answer');
});

test('/docs and its files need no model, no other server and no inline code', async (t) => {
  const server = await startTestServer(t, { status: { state: 'starting' } });
  const page = await server.send('/docs');
  assert.equal(page.status, 200);
  assert.match(page.headers.get('content-type')!, /^text\/html/);
  assert.doesNotMatch(page.body, /https?:|\s(src|href)="\/|<script>|<style|\sstyle=|\son\w+=/);
  const files = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]: string[]) => file!);
  assert.equal(files.length, 4);
  for (const file of files) {
    const reply = await server.send(`/${file}`);
    const type = file.endsWith('.js') ? 'text/javascript' : file.endsWith('.css') ? 'text/css' : 'image/png';
    assert.deepEqual([reply.status, reply.headers.get('content-type')!.split(';')[0]], [200, type], file);
    assert.equal(reply.headers.get('x-content-type-options'), 'nosniff');
    const again = await server.send(`/${file}`, { headers: conditional(reply.headers.get('etag')!) });
    assert.equal(again.status, 304, file);
  }
});

test('the content security policy admits this server alone', async (t) => {
  const server = await startTestServer(t);
  for (const path of ['/docs', '/docs/start.js', '/docs/swagger-ui-bundle.js', '/openapi.json']) {
    const policy = (await server.send(path)).headers.get('content-security-policy') ?? '';
    const rules = new Map(policy.split('; ').map((rule) => [rule.split(' ')[0]!, rule.split(' ').slice(1)]));
    assert.deepEqual([rules.get('default-src'), rules.get('script-src')], [["'none'"], ["'self'"]], path);
    assert.ok(!/unsafe|https?:|\*/.test(policy), policy);
  }
});

test('the page asks for nothing but the document: its start script turns the validator off, its styles import nothing', async (t) => {
  const server = await startTestServer(t);
  const start: string = (await server.send('/docs/start.js')).body;
  assert.match(start, /validatorUrl: null/);
  assert.doesNotMatch(start, /https?:/);
  const styles: string = (await server.send('/docs/swagger-ui.css')).body;
  const addresses = [...styles.matchAll(/@import|url\((?!\s*['"]?data:)[^)]{1,60}/g)].map(([address]) => address);
  assert.deepEqual(addresses, []);
});

test('/docs/ leads to /docs, so that relative addresses hold below the path of a proxy', async (t) => {
  const server = await startTestServer(t);
  const reply = await fetch(`${server.url}/docs/`, { redirect: 'manual' });
  assert.deepEqual([reply.status, reply.headers.get('location')], [308, '../docs']);
  assert.equal((await server.send('/docs/')).status, 200);
});

test('other files are 404, other methods 405', async (t) => {
  const server = await startTestServer(t);
  for (const path of [
    '/docs/nope.js',
    '/docs/index.html',
    '/docs/..%2fpackage.json',
    '/docs/static',
    '/docs/a/b',
    '/docs/logo.svg',
  ]) {
    const reply = await server.send(path);
    assert.deepEqual([reply.status, reply.body.error.code], [404, 'not_found'], path);
  }
  for (const path of ['/docs', '/openapi.json', '/docs/start.js']) {
    assert.equal((await server.post(path, {})).status, 405, path);
  }
});

test('no package of the tree runs install analytics', () => {
  const lock = JSON.parse(readFileSync(join(repoRoot, 'package-lock.json'), 'utf8')) as { packages: Record<string, object> };
  const names = Object.keys(lock.packages);
  assert.ok(names.includes('node_modules/@fastify/swagger-ui'));
  assert.deepEqual(
    names.filter((name) => /scarf|(?<!@open)telemetry|analytics/i.test(name)), // OpenTelemetry sends to the operator's collector alone
    [],
  );
});

/** fetch adds `Cache-Control: no-cache` to a condition of its caller's, which asks for a full answer, unless there is one already. */
function conditional(etag: string): Record<string, string> {
  return { 'if-none-match': etag, 'cache-control': 'max-age=0' };
}

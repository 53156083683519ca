// The soak's slow clients against the real HTTP layer, with timeouts short enough to see them cut.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SLOW_KINDS, slowClients } from '../../bench/load/slow-clients.ts';
import { startTestServer } from '../http/support.ts';

test('slow, silent and half-open connections are cut by the timeouts, with a word where one is owed', async (test) => {
  const flags = { 'headers-timeout': '0.3', 'body-timeout': '0.5', 'keep-alive-timeout': '0.2' };
  const { url } = await startTestServer(test, { flags });
  const seen = await slowClients({ url, each: 1, seconds: 5, byteEveryMs: 100 });
  const cut = new Set(seen.filter((each) => each.cut).map(({ kind }) => kind));
  assert.deepEqual([...cut].sort(), SLOW_KINDS.filter((kind) => kind !== 'vanish').sort());
  for (const kind of ['headers', 'body', 'silent', 'half'] as const) {
    assert.ok(
      seen.some((each) => each.kind === kind && each.said === 'HTTP/1.1 408 Request Timeout'),
      `${kind}: ${JSON.stringify(seen.filter((each) => each.kind === kind))}`,
    );
  }
  assert.ok(seen.filter(({ kind }) => kind === 'idle').every(({ said }) => said === 'HTTP/1.1 200 OK'));
  assert.ok(seen.some(({ kind, cut }) => kind === 'vanish' && !cut));
});

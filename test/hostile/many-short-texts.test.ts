import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerUnderAttack } from './server-under-attack.ts';

test('a list of thirty thousand documents leaves the others alone', async (t) => {
  const server = await ServerUnderAttack.start(t, ['--max-queue-seconds', '3600', '--max-client-batch-size', '30000']);
  const documents = Array.from({ length: 30_000 }, (_, index) => `${index}`);
  const answer = await server.endure(() => server.post('/rank', { query: 'which number', documents, top_k: 1 }));
  assert.equal(answer.status, 200, answer.text);
});

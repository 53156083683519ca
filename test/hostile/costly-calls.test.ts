// Calls that cost the server far more than their sender. Others are served all the while, and the answer is clear.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answered, ServerUnderAttack } from './server-under-attack.ts';

const MEGABYTE = 1_000_000;

/** So long a queue that nothing below is refused for want of room. */
const PATIENT = ['--max-queue-seconds', '3600', '--request-timeout', '3600'];

/** A queue that a call of some hundred thousand tokens fills. */
const SHORT_QUEUE_SECONDS = 2;
const SHORT_QUEUE = ['--max-queue-seconds', String(SHORT_QUEUE_SECONDS)];

function numbered(count: number, text: (index: number) => string): string[] {
  return Array.from({ length: count }, (_, index) => text(index));
}

/** Documents of the longest pair, all different. */
function longDocuments(count: number): string[] {
  return numbered(count, (index) => `${index} ${'giant pandas eat bamboo in china '.repeat(90)}`);
}

/** In the form of the native routes, with a time to wait that the queue can hold. */
function assertRefused({ status, headers, text }: Answered, codes: readonly string[], queueSeconds: number): void {
  assert.ok(status === 413 || status === 429, `${status} ${text.slice(0, 300)}`);
  assert.ok(codes.includes((JSON.parse(text) as { error: { code: string } }).error.code), text.slice(0, 300));
  if (status !== 429) return;
  const seconds = Number(headers.get('retry-after'));
  assert.ok(seconds >= 1 && seconds <= queueSeconds, `Retry-After: ${seconds}`);
}

test('a prompt is not multiplied by the pairs', async (t) => {
  const server = await ServerUnderAttack.start(t);
  const pairs = (count: number) => numbered(count, (index) => `q${index}`).map((query) => [query, `d ${query}`]);
  const before = server.peakBytes();
  const refused = await server.endure(() =>
    server.postText('/predict', JSON.stringify({ prompt: 'x '.repeat(MEGABYTE / 2), pairs: pairs(6000) })),
  );
  assertRefused(refused, ['too_costly'], 30);
  assert.ok(server.peakBytes() - before < 300 * MEGABYTE, `${server.peakBytes() - before} bytes`);
  const scored = await server.endure(() =>
    server.postText('/predict', JSON.stringify({ prompt: 'x '.repeat(50_000), pairs: pairs(300), max_length: 16 })),
  );
  assert.equal(scored.status, 200, scored.text.slice(0, 300));
});

test('one prompt, one long query, many documents', async (t) => {
  const server = await ServerUnderAttack.start(t);
  const documents = numbered(500, (index) => `document ${index}`);
  const body = { prompt: 'y '.repeat(MEGABYTE / 2), query: 'z '.repeat(MEGABYTE / 2), documents, max_length: 32 };
  const answer = await server.endure(() => server.postText('/rank', JSON.stringify(body)));
  assert.equal(answer.status, 200, answer.text.slice(0, 300));
});

test('equal texts are found, however long and however many of one length', async (t) => {
  const server = await ServerUnderAttack.start(t, PATIENT);
  const documents = numbered(1600, (index) => `${String(index % 800).padStart(8, '0')}${'x '.repeat(10_000)}`);
  const answer = await server.endure(() => server.postText('/rank', JSON.stringify({ query: 'q', documents, max_length: 16 })));
  assert.equal(answer.status, 200, answer.text.slice(0, 300));
  const pairs = documents.map((text) => [text, text]);
  const paired = await server.endure(() =>
    server.postText('/predict', JSON.stringify({ pairs: pairs.slice(0, 800), max_length: 16 })),
  );
  assert.equal(paired.status, 200, paired.text.slice(0, 300));
});

test('a fresh server refuses what it cannot do, and goes on', async (t) => {
  const server = await ServerUnderAttack.start(t, SHORT_QUEUE);
  const documents = longDocuments(9_000);
  const answer = await server.endure(() => server.postText('/rank', JSON.stringify({ query: 'pandas', documents })));
  assertRefused(answer, ['too_costly'], SHORT_QUEUE_SECONDS);
});

test('small calls are answered beside large ones that fill the queue; further large ones are told when to come back', async (t) => {
  const queueSeconds = 10;
  const server = await ServerUnderAttack.start(t, ['--max-queue-seconds', String(queueSeconds)]);
  const call = (count: number): Promise<Answered> => server.post('/rank', { query: 'pandas', documents: longDocuments(count) });
  for (let warmed = 0; warmed < 4; warmed += 1) await call(30); // until its speed is known
  const answers = await server.endure(() => Promise.all(Array.from({ length: 12 }, () => call(150))));
  const statuses = answers.map(({ status }) => status).sort();
  assert.equal(statuses[0], 200, `${statuses}: one is let in`);
  for (const refused of answers.filter(({ status }) => status !== 200))
    assertRefused(refused, ['overloaded', 'too_costly'], queueSeconds);
});

test('long documents in chunks are priced by all that is read', async (t) => {
  const server = await ServerUnderAttack.start(t, SHORT_QUEUE);
  const documents = numbered(30, (index) => `${index} ${'bamboo '.repeat(140_000)}`);
  const body = { query: 'pandas', documents, long_documents: 'chunk' };
  assertRefused(await server.endure(() => server.postText('/rank', JSON.stringify(body))), ['too_costly'], SHORT_QUEUE_SECONDS);
});

test('a limit below the special tokens is no cheap way to score many long documents', async (t) => {
  const server = await ServerUnderAttack.start(t);
  const body = { query: 'pandas', documents: longDocuments(200), max_length: 1 };
  const answer = await server.endure(() => server.post('/rank', body));
  assert.equal(answer.status, 200, answer.text.slice(0, 300));
});

test('a text that is slow to read does not make the server look slow to others', async (t) => {
  const server = await ServerUnderAttack.start(t);
  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    return Number(new RegExp(`^${name}{[^}]*} (\\S+)$`, 'm').exec(text)?.[1]);
  };
  const documents = numbered(200, (index) => `${index} ${'giant pandas eat bamboo '.repeat(20)}`);
  await server.post('/rank', { query: 'pandas', documents });
  const before = await metric('crossrank_capacity_tokens_per_second');
  const slow = JSON.stringify({ query: 'q', documents: ['\u0130'.repeat(3 * MEGABYTE)] });
  const answer = await server.endure(() => server.postText('/rank', slow));
  assert.equal(answer.status, 200, answer.text.slice(0, 300));
  const after = await metric('crossrank_capacity_tokens_per_second');
  assert.ok(after > before / 4, `${before} tokens/s before, ${after} after`);
});

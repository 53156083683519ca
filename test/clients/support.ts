// The server that other people's clients are pointed at: a process of its own with the embedded model.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { Crossrank } from '../e2e/process.ts';
import { checkedUrl } from '../helpers/checked-front.ts';

export const QUERY = 'what do pandas eat?';

export const DOCUMENTS = [
  'The giant panda is a bear native to China.',
  'Berlin is the capital of Germany.',
  'Pandas eat bamboo for most of the day.',
  'A sonnet has fourteen lines.',
] as const;

/** Index of the document that answers {@link QUERY}. */
export const BEST = 2;

/** Seconds of work; no two alike, because equal documents are scored once. */
export const MUCH_WORK = Array.from({ length: 10_000 }, (_, index) => `${index} ${DOCUMENTS[0]} `.repeat(40));

/** Of no model that we serve: clients name those of their own service. */
export const FOREIGN_MODEL = 'rerank-of-another-service';

/** @returns the base URL of a server that is ready; it ends with the test. Every answer is held against its OpenAPI document. */
export async function serve(test: TestContext, ...flags: readonly string[]): Promise<string> {
  return (await serveProcess(test, ...flags)).url;
}

/** As {@link serve}, with the process for its log. */
export async function serveProcess(test: TestContext, ...flags: readonly string[]): Promise<{ server: Crossrank; url: string }> {
  // Seconds of work on a quiet machine may be minutes on a busy one.
  const room = ['--max-queue-seconds', '3600'];
  const server = new Crossrank(test, ['serve', '--port', '0', '--workers', '1', '--json-output', ...room, ...flags]);
  const { url } = await server.logLine('ready');
  return { server, url: await checkedUrl(test, String(url), flags) };
}

/** The answer, a document that stands first, and scores within 0..1 in descending order. */
export function assertRanked(results: readonly { readonly index?: number; readonly score?: number }[], count: number): void {
  assert.equal(results.length, count);
  assert.equal(results[0]!.index, BEST);
  assert.equal(new Set(results.map(({ index }) => index)).size, count);
  assertDescending(results.map(({ score }) => score));
}

/** Within 0..1, and not all alike. */
export function assertDescending(scores: readonly (number | undefined)[]): void {
  assert.ok(
    scores.every((score) => score !== undefined && score > 0 && score < 1),
    String(scores),
  );
  assert.deepEqual(
    scores,
    scores.toSorted((a, b) => b! - a!),
  );
  assert.ok(scores.length < 2 || scores[0]! - scores.at(-1)! > 0.5, String(scores));
}

export interface Attempt {
  /** When the answer was sent. */
  readonly atMs: number;
  readonly status: number;
  readonly retryAfter: string | null;
}

export interface Front {
  readonly url: string;
  readonly attempts: readonly Attempt[];
}

/**
 * Passes everything on to the server and notes what it answered. `Retry-After`, where the server sends one, becomes
 * `retryAfterSeconds`: longer than a client waits by itself, and the same on a machine of any speed.
 */
export async function startFront(test: TestContext, target: string, retryAfterSeconds: number): Promise<Front> {
  const attempts: Attempt[] = [];
  const server = createServer(async (req, res) => {
    const parts: Buffer[] = [];
    for await (const part of req) parts.push(part);
    const body = Buffer.concat(parts);
    const headers = { 'content-type': req.headers['content-type'] ?? '' };
    const answer = await fetch(target + req.url, { method: req.method ?? 'POST', headers, body });
    const retryAfter = answer.headers.get('retry-after');
    res.statusCode = answer.status;
    res.setHeader('Content-Type', answer.headers.get('content-type') ?? '');
    if (retryAfter !== null) res.setHeader('Retry-After', retryAfterSeconds);
    const text = await answer.text();
    attempts.push({ atMs: performance.now(), status: answer.status, retryAfter });
    res.end(text);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, attempts };
}

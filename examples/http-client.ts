// The demo over HTTP with Node's own fetch: a deadline for the whole call, and retries when the server asks for patience.
//   npm run build && node dist/examples/http-client.js [URL]

import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const MAX_WAIT_MS = 10_000; // between two attempts, whatever the server says

interface RankedDocument {
  readonly corpus_id: number;
  readonly score: number;
  readonly text?: string;
}

/**
 * Ranks documents; 429 (too much work waiting) and 503 (loading or shutting down) are tried again until the deadline.
 *
 * @throws DOMException `TimeoutError` at the deadline; Error with the server's message for every other failure
 */
async function rank(url: string, body: object, deadlineMs: number): Promise<RankedDocument[]> {
  const signal = AbortSignal.timeout(deadlineMs); // covers every attempt and the waits between them
  for (let attempt = 1; ; attempt++) {
    const response = await fetch(`${url}/rank`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
      signal,
    });
    if (response.ok) return ((await response.json()) as { results: RankedDocument[] }).results;
    const text = await response.text();
    if (response.status !== 429 && response.status !== 503) throw new Error(`${response.status}: ${text}`);
    await sleep(waitMs(response.headers.get('Retry-After'), attempt), undefined, { signal });
  }
}

/** What the server asks for, in seconds; without it 0.1, 0.2, 0.4 ... s. Up to half as much again, so that clients do not come back together. */
function waitMs(retryAfter: string | null, attempt: number): number {
  const asked = retryAfter === null ? Number.NaN : Number(retryAfter) * 1000;
  const base = Number.isFinite(asked) ? asked : 100 * 2 ** (attempt - 1);
  return Math.min(base, MAX_WAIT_MS) * (1 + Math.random() / 2);
}

const url = process.argv[2] ?? process.env['RERANK_URL'] ?? 'http://127.0.0.1:8800';
const demo = JSON.parse(await readFile('examples/data/mockingbird.json', 'utf8')) as { query: string };

console.log(`查询：${demo.query}`);
for (const { corpus_id, score, text } of await rank(url, demo, 30_000)) {
  console.log(`${score.toFixed(5)}  [${corpus_id}] ${text}`);
}

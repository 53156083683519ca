// A server with work for seconds refuses a client's call with 429; the client waits as long as `Retry-After` says and is served.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InferenceClient, InferenceClientProviderApiError } from '@huggingface/inference';
import { CohereRerank } from '@langchain/cohere';
import { Cohere, CohereClient, CohereClientV2 } from 'cohere-ai';
import { VoyageAIClient, VoyageAIError } from 'voyageai';
import * as ofLangchain from './cohere-of-langchain.ts';
import { BEST, DOCUMENTS, FOREIGN_MODEL, type Front, MUCH_WORK, QUERY, serveProcess, startFront } from './support.ts';

const RETRY_SECONDS = 3; // left to themselves, these clients would try again after 0.8 to 1.2 s
const CLOCK_MS = 50; // timers may fire early by a little, and the answer takes a while to arrive
const documents = [...DOCUMENTS];
const model = FOREIGN_MODEL;
const token = 'any';

/** Client -> a call that gives the index of the best document. */
const CALLS: Readonly<Record<string, (url: string) => Promise<number | undefined>>> = {
  'cohere-ai v1': async (baseUrl) =>
    (await new CohereClient({ token, baseUrl }).rerank({ query: QUERY, documents })).results[0]!.index,
  'cohere-ai v2': async (baseUrl) =>
    (await new CohereClientV2({ token, baseUrl: `${baseUrl}/cohere` }).rerank({ model, query: QUERY, documents })).results[0]!
      .index,
  voyageai: async (url) =>
    (await new VoyageAIClient({ apiKey: token, baseUrl: `${url}/voyage/v1` }).rerank({ model, query: QUERY, documents }))
      .data![0]!.index,
  '@langchain/cohere': async (baseUrl) =>
    (await new CohereRerank({ client: new ofLangchain.CohereClient({ token, baseUrl }), model }).rerank(documents, QUERY))[0]!
      .index,
};

test('429: typed by the clients, and after Retry-After they are served', async (t) => {
  // One request takes all the room there is for bodies, and stays until it is aborted.
  const body = JSON.stringify({ query: QUERY, documents: MUCH_WORK });
  const bytes = Buffer.byteLength(body);
  const held = 2 * bytes + 37 * MUCH_WORK.length + 700; // as it came, and as it is parsed: a string takes 40 bytes beside its text
  const limits = ['--payload-limit', String(bytes), '--max-inflight-bytes', String(held)];
  const { server, url } = await serveProcess(t, ...limits, '--log-level', 'debug');
  const occupation = occupy(url, body);
  await server.logLine('accepted');

  await t.test('without retries it is the error of the SDK', async () => {
    const once = { maxRetries: 0 };
    for (const baseUrl of [url, `${url}/cohere`]) {
      for (const client of [new CohereClient({ token, baseUrl }), new CohereClientV2({ token, baseUrl })]) {
        await assert.rejects(client.rerank({ model, query: QUERY, documents }, once), Cohere.TooManyRequestsError);
      }
    }
    const voyage = new VoyageAIClient({ apiKey: token, baseUrl: `${url}/voyage/v1` });
    const isVoyage429 = (error: unknown) => error instanceof VoyageAIError && error.statusCode === 429;
    await assert.rejects(voyage.rerank({ model, query: QUERY, documents }, once), isVoyage429);
    const isTei429 = (error: unknown) => error instanceof InferenceClientProviderApiError && error.httpResponse.status === 429;
    const tei = { endpointUrl: url, inputs: QUERY, query: QUERY, texts: documents };
    await assert.rejects(new InferenceClient(token).request(tei), isTei429);
  });

  const fronts: (Front & { readonly name: string; readonly index: Promise<number | undefined> })[] = [];
  for (const [name, call] of Object.entries(CALLS)) {
    const front = await startFront(t, url, RETRY_SECONDS);
    fronts.push({ ...front, name, index: call(front.url) });
  }
  await Promise.all(fronts.map(({ attempts }) => until(() => attempts.length === 1)));
  occupation.abort();

  for (const { name, attempts, index } of fronts) {
    await t.test(name, async () => {
      assert.equal(await index, BEST);
      assert.deepEqual(
        attempts.map(({ status }) => status),
        [429, 200],
      );
      assert.match(attempts[0]!.retryAfter ?? '', /^[1-9]\d*$/, 'whole seconds, from the server itself');
      const waitedMs = attempts[1]!.atMs - attempts[0]!.atMs;
      assert.ok(waitedMs >= RETRY_SECONDS * 1000 - CLOCK_MS, `${waitedMs} ms`);
    });
  }
});

/** Gives the server work for a long while; it ends when aborted. */
function occupy(url: string, body: string): AbortController {
  const abort = new AbortController();
  const headers = { 'content-type': 'application/json' };
  fetch(`${url}/rank`, { method: 'POST', headers, signal: abort.signal, body }).catch(() => {}); // ends with the abort
  return abort;
}

/** @throws Error after 20 seconds */
async function until(condition: () => boolean): Promise<void> {
  const giveUpMs = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > giveUpMs) throw new Error('condition did not come true');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

// A server without room refuses a client's call with 429; the client waits as long as `Retry-After` says and is served.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { InferenceClient, InferenceClientProviderApiError } from '@huggingface/inference';
import { CohereRerank } from '@langchain/cohere';
import { Cohere, CohereClient, CohereClientV2 } from 'cohere-ai';
import { VoyageAIClient, VoyageAIError } from 'voyageai';
import * as ofLangchain from './cohere-of-langchain.ts';
import { BEST, DOCUMENTS, FOREIGN_MODEL, type Front, QUERY, serveProcess, startFront } from './support.ts';

const RETRY_SECONDS = 3; // left to themselves, these clients would try again after 0.8 to 1.2 s
const CLOCK_MS = 50; // timers may fire early by a little, and the answer takes a while to arrive
const documents = [...DOCUMENTS];
const model = FOREIGN_MODEL;
const token = 'any';
const JSON_TYPE = { 'content-type': 'application/json' };
const SMALL = JSON.stringify({ query: QUERY, documents });
const HALVES = 4;
const HALF_BYTES = 110_000;

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
  // Bodies that are sent halfway take all the room there is for bodies, and stay until they are let go.
  const limits = ['--payload-limit', '200000', '--max-inflight-bytes', String(HALVES * (2 * HALF_BYTES + 400))];
  const { url } = await serveProcess(t, ...limits);
  const occupation = occupy(url);
  await until(async () => (await fetch(`${url}/rank`, { method: 'POST', headers: JSON_TYPE, body: SMALL })).status === 429);

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
  await Promise.all(fronts.map(({ attempts }) => until(async () => attempts.length === 1)));
  occupation.end();

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

/** Sends the first half of some bodies: as they came, and as they will be parsed, they hold twice their bytes. */
function occupy(url: string): { end(): void } {
  const { hostname, port } = new URL(url);
  const half = `{"query":"${'q'.repeat(HALF_BYTES)}`;
  const sockets = Array.from({ length: HALVES }, () => connect(Number(port), hostname));
  const head = ['POST /rank HTTP/1.1', 'Host: localhost', 'Content-Type: application/json', 'Content-Length: 190000'];
  for (const socket of sockets) socket.write(`${head.join('\r\n')}\r\n\r\n${half}`);
  return {
    end() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** @throws Error after 20 seconds */
async function until(condition: () => Promise<boolean>): Promise<void> {
  const giveUpMs = performance.now() + 20_000;
  while (!(await condition())) {
    if (performance.now() > giveUpMs) throw new Error('condition did not come true');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

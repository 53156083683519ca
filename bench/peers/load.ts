// One round of load on a server: autocannon, a fixed number of requests. Latencies are kept one by one, so that rounds can be joined.

import autocannon from 'autocannon';
import type { CorpusRequest } from '../corpus.ts';
import type { Load } from './options.ts';

const TIMEOUT_S = 300; // longer than any answer here: a request given up would go on burning the server's cores

/** What came back. */
export interface LoadRound {
  readonly documentsPerSecond: number;
  readonly latenciesMs: readonly number[];
  /** Answers other than 200, and requests without answer. */
  readonly errors: number;
}

/**
 * Sends every connection's requests and waits for all answers. A number of requests rather than a time: what is cut off at the end of
 * a time is computed on by servers that do not notice, at the expense of whoever is measured next.
 *
 * @param calls at least one; connection k begins with the k-th, so that the connections are not in step
 */
export async function runLoad(
  url: string,
  { connections, requestsPerConnection, documents }: Load,
  calls: readonly CorpusRequest[],
): Promise<LoadRound> {
  const bodies = calls.map((call) => ({ body: JSON.stringify(call) }));
  const latenciesMs: number[] = [];
  let connection = 0;
  const startedMs = performance.now();
  let lastMs = startedMs;
  await autocannon({
    url: `${url}/rank_documents/`,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    connections,
    amount: connections * requestsPerConnection,
    timeout: TIMEOUT_S,
    setupClient: (client) => {
      const first = (connection++ * requestsPerConnection) % bodies.length;
      client.setRequests([...bodies.slice(first), ...bodies.slice(0, first)]);
      client.on('response', (status, _bytes, latencyMs) => {
        lastMs = performance.now();
        if (status === 200) latenciesMs.push(latencyMs);
      });
    },
  });
  const seconds = (lastMs - startedMs) / 1000;
  const errors = connections * requestsPerConnection - latenciesMs.length;
  return { documentsPerSecond: (latenciesMs.length * documents) / seconds, latenciesMs, errors };
}

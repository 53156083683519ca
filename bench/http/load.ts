// autocannon against a running server. The generator runs in the bench's own process and shares the cores with the server.

import autocannon from 'autocannon';
import type { CorpusRequest } from '../corpus.ts';

export interface LoadOptions {
  readonly connections: number;
  /** Requests in all; spread evenly over the connections. */
  readonly amount: number;
}

export interface LoadResult {
  /** From the first request to the last answer. */
  readonly seconds: number;
  readonly latenciesMs: readonly number[];
  /** CPU time of this process meanwhile: the generator. */
  readonly generatorSeconds: number;
}

const PATH = '/rank';
const TIMEOUT_SECONDS = 3600;
const SAMPLE_MS = 50; // how soon it notices that it is done

/** Each connection goes through the corpus in order, from a place of its own. @throws Error on any answer but 200 */
export async function load(
  url: string,
  corpus: readonly CorpusRequest[],
  { connections, amount }: LoadOptions,
): Promise<LoadResult> {
  const requests = corpus.map(toRequest);
  const latenciesMs: number[] = [];
  let connection = 0;
  let lastMs = 0;
  const setupClient = (client: autocannon.Client): void => {
    const first = Math.floor((connection * requests.length) / connections) % requests.length;
    client.setRequests([...requests.slice(first), ...requests.slice(0, first)]);
    connection += 1;
  };
  const cpu = process.cpuUsage();
  const started = performance.now();
  const options = { url, connections, amount, requests, setupClient, timeout: TIMEOUT_SECONDS, sampleInt: SAMPLE_MS };
  const result = await run(options, (milliseconds) => {
    latenciesMs.push(milliseconds);
    lastMs = performance.now();
  });
  if (result.non2xx > 0 || result.errors > 0 || latenciesMs.length !== amount) {
    throw new Error(`${latenciesMs.length} of ${amount} answers, ${result.non2xx} not 200, ${result.errors} errors`);
  }
  const { user, system } = process.cpuUsage(cpu);
  return { seconds: (lastMs - started) / 1000, latenciesMs, generatorSeconds: (user + system) / 1e6 };
}

function toRequest(body: CorpusRequest): autocannon.Request {
  return { method: 'POST', path: PATH, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

/** Its own histogram has whole milliseconds; the event has the exact time. */
function run(options: autocannon.Options, onResponse: (milliseconds: number) => void): Promise<autocannon.Result> {
  return new Promise((resolve, reject) => {
    const instance = autocannon(options, (error: unknown, result) => {
      if (error) reject(error instanceof Error ? error : new Error(String(error)));
      else resolve(result);
    });
    instance.on('response', (_client, _status, _bytes, milliseconds) => onResponse(milliseconds));
  });
}

// One request over a keep-alive agent, and what became of it. Never rejects: a failure is an outcome.

import { Agent, type IncomingMessage, request } from 'node:http';
import type { Shot } from './shot.ts';

export interface Target {
  readonly url: URL;
  readonly agent: Agent;
  /** A request not answered by then is given up. */
  readonly timeoutMs: number;
}

export interface Outcome {
  /** null when no whole answer came. */
  readonly status: number | null;
  /** Why none came: a code of Node (`ECONNRESET`), `timeout`, `left` (on purpose), `cut` (in the middle of the answer). */
  readonly error: string | null;
  readonly body: string;
  readonly retryAfter: boolean;
  /** Wait in the server's queue, as its header Server-Timing tells; null when it tells nothing. */
  readonly queueMs: number | null;
  /** Whether the connection had carried a request before: a server may close an idle one at any moment. */
  readonly reusedSocket: boolean;
}

/** @param sockets connections at most; further requests wait for one, which counts as latency */
export function openTarget(url: string, sockets: number, timeoutMs: number): Target {
  // Last in, first out: connections that a peak needed fall idle and the server closes them, as with a client's pool.
  const agent = new Agent({ keepAlive: true, maxSockets: sockets, maxFreeSockets: sockets, scheduling: 'lifo' });
  return { url: new URL(url), agent, timeoutMs };
}

export function send({ url, agent, timeoutMs }: Target, shot: Shot): Promise<Outcome> {
  return new Promise((resolve) => {
    const outgoing = request({
      agent,
      host: url.hostname,
      port: url.port,
      method: shot.method ?? 'POST',
      path: shot.path,
      headers: headersOf(shot),
    });
    const { leaveAfterMs = Number.POSITIVE_INFINITY } = shot;
    const leaves = leaveAfterMs < timeoutMs;
    const timer = setTimeout(() => finish(null, leaves ? 'left' : 'timeout'), Math.min(leaveAfterMs, timeoutMs));
    let done = false;
    const finish = (answer: IncomingMessage | null, error: string | null, body = ''): void => {
      if (done) return;
      done = true;
      clearTimeout(timer);
      if (error !== null) outgoing.destroy();
      resolve({
        status: error === null ? (answer?.statusCode ?? null) : null,
        error,
        body,
        retryAfter: answer?.headers['retry-after'] !== undefined,
        queueMs: queueTime(answer?.headers['server-timing']),
        reusedSocket: outgoing.reusedSocket,
      });
    };
    outgoing.once('response', (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.once('end', () => finish(answer, null, Buffer.concat(chunks).toString()));
      answer.once('error', () => finish(answer, 'cut'));
    });
    outgoing.on('error', (error: NodeJS.ErrnoException) => finish(null, error.code ?? error.message));
    outgoing.end(shot.body);
  });
}

/** @param header `queue;dur=1.5, tok;dur=0.3, ...` */
function queueTime(header: string | string[] | undefined): number | null {
  const found = /(?:^|,\s*)queue;dur=([\d.]+)/.exec(String(header ?? ''));
  return found === null ? null : Number(found[1]);
}

function headersOf({ body, headers }: Shot): Record<string, string | number> {
  if (body === '') return { ...headers };
  return { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers };
}

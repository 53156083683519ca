// Posts a hostile body and judges the answer: in time, no fault of the server's, in the form the route table promises.

import assert from 'node:assert/strict';
import { Agent, type IncomingMessage, request } from 'node:http';
import { text as readText } from 'node:stream/consumers';
import type { TestServer } from '../support.ts';
import type { HostileBody } from './hostile-body.ts';
import { answererOf, type Target } from './targets.ts';

const ANSWER_MS = 10_000; // generous: the machine may be busy

const agent = new Agent({ keepAlive: true });

export interface RawReply {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** @throws Error when no answer comes in time */
export async function postBytes(url: string, { bytes, headers }: Pick<HostileBody, 'bytes' | 'headers'>): Promise<RawReply> {
  const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
    const signal = AbortSignal.timeout(ANSWER_MS);
    const length = 'transfer-encoding' in headers ? {} : { 'content-length': bytes.length };
    const outgoing = request(url, { method: 'POST', agent, signal, headers: { ...headers, ...length } }, resolve);
    outgoing.on('error', reject);
    outgoing.end(bytes);
  });
  return { status: incoming.statusCode!, type: incoming.headers['content-type'] ?? '', text: await readText(incoming) };
}

/** @throws AssertionError when the answer is none the contract knows */
export async function exchange(server: TestServer, target: Target, body: HostileBody): Promise<RawReply> {
  const reply = await postBytes(server.url + target.path, body);
  server.calls.length = 0;
  server.logLines.length = 0;
  const shown = `${target.path} ${reply.status} ${reply.text.slice(0, 500)}`;
  assert.ok(reply.status === 200 || (reply.status >= 400 && reply.status < 500), shown);
  assert.match(reply.type, /^application\/json/, shown);
  const answer: unknown = JSON.parse(reply.text);
  const fits = answererOf(target, body.text, reply.status).some(
    ({ dialect, route }) => (reply.status === 200 ? route.answerSchema : dialect.errorSchema).safeParse(answer).success,
  );
  assert.ok(fits, shown);
  return reply;
}

/** The route's own examples are still answered. */
export async function stillServes(server: TestServer, target: Target): Promise<void> {
  const bytes = Buffer.from(JSON.stringify(target.route.examples[0]));
  const { status, text } = await postBytes(server.url + target.path, { bytes, headers: { 'content-type': 'application/json' } });
  assert.equal(status, 200, text);
}

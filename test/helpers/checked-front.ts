// A reverse proxy before a real server: whoever talks to it, every answer it passes on is held against the OpenAPI document.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { DIALECTS } from '../../src/http/dialects/dialect-list.ts';
import { type Contract, contractOf } from '../http/contract.ts';

export interface Front {
  readonly url: string;
  /** How many answers were held against the document. */
  readonly checked: number;
  /** What was wrong with answers, in the order they came. */
  readonly problems: readonly string[];
}

/**
 * The address to use in place of the server's. The test fails when it ends and an answer was not as documented, or there was none.
 *
 * @param args the server's command line, of which some flags change the document
 */
export async function checkedUrl(test: TestContext, target: string, args: readonly string[]): Promise<string> {
  const front = await startFront(test, target, contractOf(DIALECTS, settingsOf(args)));
  test.after(() => {
    assert.deepEqual(front.problems, []);
    assert.ok(front.checked > 0, 'no answer was checked');
  });
  return front.url;
}

/** Passes requests and answers on as they are; a side that leaves takes the other along. */
export async function startFront(test: TestContext, target: string, contract: Contract): Promise<Front> {
  const front = { url: '', checked: 0, problems: [] as string[] };
  const server = createServer((req, res) => {
    pass(req, res, new URL(target)).then(
      (reply) => {
        if (reply === null) return;
        front.checked += 1;
        try {
          contract.check(req.method ?? 'GET', pathOf(req), reply);
        } catch (error) {
          front.problems.push(error instanceof Error ? error.message : String(error));
        }
      },
      () => res.destroy(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => {
    server.close();
    server.closeAllConnections();
  });
  front.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return front;
}

type Reply = Parameters<Contract['check']>[2];

/** @returns the answer once all of it has been passed on; null when the caller left before */
async function pass(req: IncomingMessage, res: ServerResponse, { hostname, port }: URL): Promise<Reply | null> {
  const { method, url: path, headers } = req;
  const onward = request({ hostname, port, method, path, headers, agent: false });
  res.on('close', () => onward.destroy());
  req.pipe(onward);
  const [answer] = (await once(onward, 'response')) as [IncomingMessage];
  res.writeHead(answer.statusCode ?? 502, answer.headers);
  const parts: Buffer[] = [];
  for await (const part of answer) {
    parts.push(part);
    res.write(part);
  }
  const hasLeft = res.destroyed;
  res.end();
  return hasLeft ? null : replyOf(answer, Buffer.concat(parts).toString('utf8'));
}

function replyOf({ statusCode = 0, headers }: IncomingMessage, text: string): Reply {
  const isJson = headers['content-type']?.startsWith('application/json') === true && text !== '';
  const pairs = Object.entries(headers).map(([name, value]) => [name, String(value)] as [string, string]);
  return { status: statusCode, headers: new Headers(pairs), body: isJson ? JSON.parse(text) : text };
}

function pathOf({ url = '/' }: IncomingMessage): string {
  return new URL(url, 'http://front').pathname;
}

function settingsOf(args: readonly string[]): Parameters<typeof contractOf>[1] {
  const valuesOf = (flag: string): string[] => args.filter((_, index) => args[index - 1] === flag);
  return {
    dialect: valuesOf('--dialect')[0] ?? null,
    strictModel: args.includes('--strict-model'),
    apiKeys: valuesOf('--api-key'),
  };
}

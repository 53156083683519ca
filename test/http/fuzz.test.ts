// Thousands of hostile bodies for every dialect: no crash, no hang, no 500, and every answer in the dialect.
// FUZZ_SEED and FUZZ_RUNS (bodies a dialect) choose another run; a failure prints its seed.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { brotliCompressSync, constants, deflateRawSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import type { Dialect } from '../../src/http/dialects/dialect.ts';
import { DIALECTS } from '../../src/http/dialects/dialect-list.ts';
import { exchange, postBytes, stillServes } from './fuzz/exchange.ts';
import { type HostileBody, hostileBody } from './fuzz/hostile-body.ts';
import { fieldsOf, type Target, targetsOf } from './fuzz/targets.ts';
import { startTestServer } from './support.ts';

const SEED = Number(process.env.FUZZ_SEED ?? 7);
const RUNS = Number(process.env.FUZZ_RUNS ?? 2000);

const JSON_TYPE = { 'content-type': 'application/json' };
const MIB = 2 ** 20;

for (const dialect of DIALECTS) {
  test(`${dialect.name}: ${RUNS} hostile bodies are answered in the dialect, seed ${SEED}`, async (t) => {
    const server = await startTestServer(t);
    const targets = targetsOf(dialect);
    const statuses = new Map<number, number>();
    const shot = fc.oneof(...targets.map((target) => hostileBody(target.route).map((body) => new Shot(target, body))));
    await fc.assert(
      fc.asyncProperty(shot, async ({ target, body }) => {
        const { status } = await exchange(server, target, body);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }),
      { seed: SEED, numRuns: RUNS },
    );
    for (const target of targets) await stillServes(server, target);
    t.diagnostic(`answers: ${JSON.stringify(Object.fromEntries(statuses))}`);
    const met = [200, 415, 400].map((status) => statuses.has(status) || (status === 400 && statuses.has(422)));
    assert.ok(RUNS < 2000 || met.every(Boolean), 'good and bad bodies both occur');
  });
}

/** A body and where it goes; written short in the report of a failure. */
class Shot {
  readonly target: Target;
  readonly body: HostileBody;

  constructor(target: Target, body: HostileBody) {
    this.target = target;
    this.body = body;
  }

  [fc.toStringMethod](): string {
    const { bytes, headers } = this.body;
    const shown = Buffer.from(bytes).toString('latin1');
    return `POST ${this.target.path} ${JSON.stringify(headers)} ${bytes.length} bytes ${JSON.stringify(shown.slice(0, 1000))}`;
  }
}

test('strings, names and lists of 10 MB are answered by every dialect', async (t) => {
  const server = await startTestServer(t);
  for (const dialect of DIALECTS) {
    for (const text of hugeTexts(dialect)) {
      await exchange(server, targetsOf(dialect)[0]!, { bytes: Buffer.from(text), headers: JSON_TYPE, text });
    }
  }
});

function hugeTexts(dialect: Dialect): string[] {
  const { route } = targetsOf(dialect)[0]!;
  const long = 'x'.repeat(10_000_000);
  const example = JSON.stringify(route.examples[0]).slice(0, -1);
  return [
    `${example},"query":"${long}"}`,
    `${example},"${long}":1}`,
    `${example},"a":"\\ud83d${long}"}`,
    `${example},"deep":${'['.repeat(500_000)}${']'.repeat(500_000)}}`,
  ];
}

test('a list of 200,000 wrong entries in any field is answered', async (t) => {
  const server = await startTestServer(t);
  const wrong = `[${'1,'.repeat(200_000)}1]`;
  for (const target of DIALECTS.map((dialect) => targetsOf(dialect)[0]!)) {
    const example = JSON.stringify(target.route.examples[0]).slice(0, -1);
    for (const field of fieldsOf(target.route)) {
      const text = `${example},"${field}":${wrong}}`;
      await exchange(server, target, { bytes: Buffer.from(text), headers: JSON_TYPE, text });
    }
  }
});

test('rank_fields: names count once, and there is a bound', async (t) => {
  const server = await startTestServer(t);
  const documents = [{ a: 'x'.repeat(1_000_000), b: 'y' }];
  for (const path of ['/v1/rerank', '/cohere/v1/rerank']) {
    const repeated = { query: 'q', documents, rank_fields: Array.from({ length: 100 }, (_, index) => 'ab'[index % 2]) };
    assert.equal((await server.post(path, repeated)).status, 200);
    assert.deepEqual((server.calls.at(-1)!.request as { documents?: unknown }).documents, [`${documents[0]!.a}\ny`]);
    const many = { query: 'q', documents, rank_fields: Array.from({ length: 600 }, () => 'a') }; // 600 MB when joined
    const refused = await server.post(path, many);
    assert.equal(refused.status, 400);
    assert.match(refused.body.message, /rank_fields must have at most 100 entries$/);
  }
});

/** Each inflates to at least 100 times the limit below. */
const BOMBS: Readonly<Record<string, () => Uint8Array>> = {
  gzip: () => repeat(gzipSync(Buffer.alloc(MIB, 0x20)), 500), // members may follow each other
  deflate: () =>
    Buffer.concat([
      Uint8Array.of(0x78, 0x9c),
      repeat(deflateRawSync(Buffer.alloc(MIB, 0x20), { finishFlush: constants.Z_FULL_FLUSH }), 500),
    ]),
  br: () => brotliCompressSync(Buffer.alloc(100 * MIB, 0x20), { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
};

function repeat(part: Uint8Array, times: number): Buffer {
  return Buffer.concat(Array.from({ length: times }, () => part));
}

test('bombs are refused before they are inflated, in every dialect', async (t) => {
  const server = await startTestServer(t, { flags: { 'payload-limit': String(MIB) } });
  for (const [encoding, build] of Object.entries(BOMBS)) {
    const bytes = build();
    assert.ok(bytes.length < MIB, `${encoding}: ${bytes.length} bytes pass the limit only when inflated`);
    const peakBefore = process.resourceUsage().maxRSS; // KiB
    for (const dialect of DIALECTS) {
      const target = targetsOf(dialect)[0]!;
      const reply = await exchange(server, target, {
        bytes,
        headers: { ...JSON_TYPE, 'content-encoding': encoding },
        text: null,
      });
      assert.equal(reply.status, 413, `${encoding} ${dialect.name}`);
      await stillServes(server, target);
    }
    const grownMiB = (process.resourceUsage().maxRSS - peakBefore) / 1024;
    assert.ok(grownMiB < 64, `${encoding}: ${grownMiB} MiB more`);
  }
});

test('a Content-Length that is wrong is refused, and the server goes on', async (t) => {
  const server = await startTestServer(t);
  const body = '{"query":"q","documents":["a"]}';
  for (const lengths of [['5'], ['40'], ['-1'], ['x'], ['1e3'], ['99999999999999999999'], ['31', '30'], ['31, 31'], ['']]) {
    for (const extra of ['', 'Transfer-Encoding: chunked\r\n', 'Transfer-Encoding: gzip\r\n']) {
      const headers = lengths.map((length) => `Content-Length: ${length}\r\n`).join('');
      const answer = await sendRaw(
        server.server.port,
        `POST /rerank HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n${headers}${extra}\r\n${body}`,
      );
      assert.match(answer, /^(HTTP\/1\.1 (200|4\d\d) |$)/, `${lengths} ${extra} ${answer}`);
      const { status } = await postBytes(`${server.url}/rerank`, { bytes: Buffer.from(body), headers: JSON_TYPE });
      assert.equal(status, 200);
    }
  }
});

/** Sends the text and closes this side; resolves with all that came back. */
async function sendRaw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  socket.on('error', () => {}); // a reset is an answer, too
  socket.end(text);
  await once(socket, 'close', { signal: AbortSignal.timeout(10_000) });
  return answer;
}

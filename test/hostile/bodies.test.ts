// Bodies that cost more than they weigh: compressed, deep, wide, mislabelled. The server is one of a container of 1 GiB: what a body may
// hold, and the heap, are what they are there.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import { type Answered, ServerUnderAttack } from './server-under-attack.ts';

const MIB = 2 ** 20;
const PAYLOAD_BYTES = 32 * MIB;

const FLAGS = ['--payload-limit', String(PAYLOAD_BYTES), '--max-inflight-bytes', String(128 * MIB)];

/** Half of what such a container has is for the model of its user. */
const PEAK_BYTES = 512 * MIB;

function start(t: TestContext, ...flags: readonly string[]): Promise<ServerUnderAttack> {
  return ServerUnderAttack.start(t, [...FLAGS, ...flags], { nodeFlags: ['--max-old-space-size=512'] });
}

/** Fills a body up to the payload limit with one text again and again. */
function filled(before: string, text: string, after: string): Buffer {
  const room = PAYLOAD_BYTES - Buffer.byteLength(before + after);
  const times = Math.floor(room / Buffer.byteLength(text));
  return Buffer.concat([Buffer.from(before), Buffer.alloc(times * Buffer.byteLength(text), text), Buffer.from(after)]);
}

function list(entry: string, count: number): string {
  return `[${Array.from({ length: count }, () => entry).join(',')}]`;
}

interface Case {
  readonly path?: string;
  readonly body: () => string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is; otherwise gzipped, which makes it cheap. */
  readonly plain?: boolean;
  readonly status: number;
  readonly says: RegExp;
}

const RANK = '{"query":"q","documents":["a"]';
const RATIO = { status: 413, says: /inflates to more than 100 times its compressed size/ };

const CASES: Readonly<Record<string, Case>> = {
  'content of 5 million numbers': {
    path: '/vllm/rerank',
    body: () => `{"query":{"content":${list('0', 5_000_000)}},"documents":["a"]}`,
    status: 413,
    says: /a part of the body that is no list of documents has more than 20000 values/,
  },
  'a document of 1.5 million keys': {
    body: () => `{"query":"q","documents":[{"text":"a"${Array.from({ length: 1_500_000 }, (_, i) => `,"${i}k":0`).join('')}}]}`,
    plain: true,
    status: 413,
    says: /an object of the body has more than 1000 keys/,
  },
  'a thousand documents of a thousand keys, all different': {
    path: '/v1/rerank',
    body: () => {
      const document = (index: number) =>
        `{"text":"a"${Array.from({ length: 999 }, (_, key) => `,"${index}k${key}":0`).join('')}}`;
      return `{"query":"q","documents":[${Array.from({ length: 1000 }, (_, index) => document(index)).join(',')}]}`;
    },
    plain: true,
    status: 413,
    says: /more than 100000 different fields/,
  },
  'empty objects in an unknown field': {
    body: () => filled(`${RANK},"extra":[{}`, ',{}', ']}'),
    plain: true,
    status: 413,
    says: /the body has more than 1000000 values/,
  },
  'empty objects in an unknown field, gzipped': {
    path: '/jina/v1/rerank',
    body: () => filled(`${RANK},"extra":[{}`, ',{}', ']}'),
    ...RATIO,
  },
  'a million empty objects': {
    path: '/tei/rerank',
    body: () => `{"query":"q","texts":${list('{}', 900_000)}}`,
    plain: true,
    status: 422,
    says: /batch size 900000 > maximum allowed batch size 10000/,
  },
  'ten thousand documents, all wrong': {
    path: '/cohere/v2/rerank',
    body: () => `{"query":"q","documents":${list('[0]', 10_000)}}`,
    status: 400,
    says: /documents\[2\] must be .*; and more/,
  },
  'a list of 900,000 names of fields': {
    path: '/v1/rerank',
    body: () => `${RANK},"rank_fields":${list('0', 900_000)}}`,
    plain: true,
    status: 400,
    says: /rank_fields must have at most 100 entries/,
  },
  'nested a million levels deep': {
    path: '/voyage/v1/rerank',
    body: () => `${RANK},"extra":${'['.repeat(1_000_000)}`,
    status: 400,
    says: /nested deeper than 32 levels/,
  },
  'charset utf-7': {
    body: () => filled('{"query":"', '+AGE-', '","documents":[]}'),
    headers: { 'content-type': 'application/json; charset=utf-7' },
    plain: true,
    status: 415,
    says: /the charset must be UTF-8/,
  },
  'invalid UTF-8': {
    body: () => filled('{"query":"', '\u00e9', '","documents":[]}').fill(0xff, 20, 30),
    plain: true,
    status: 400,
    says: /the body is not valid UTF-8/,
  },
  'an activation of 30 MB': {
    path: '/rank',
    body: () => filled(`${RANK},"activation_fn":"torch.`, 'nn.', '"}'),
    plain: true,
    status: 422,
    says: /activation_fn must have at most 256 characters/,
  },
  'an activation of 4 million combining marks': {
    path: '/rank',
    body: () => `${RANK},"activation_fn":"a${'\u0301'.repeat(2_000_000)}${'\u0316'.repeat(2_000_000)}"}`,
    plain: true,
    status: 422,
    says: /activation_fn must have at most 256 characters/,
  },
  'the name of a prompt of 30 MB': {
    path: '/rank',
    body: () => filled(`${RANK},"prompt_name":"`, 'p', '"}'),
    plain: true,
    status: 422,
    says: /prompt_name must have at most 256 characters/,
  },
  'the name of a prompt to tokenize of 30 MB': {
    path: '/tokenize',
    body: () => filled('{"inputs":"a","prompt_name":"', '\u00e9', '"}'),
    plain: true,
    status: 422,
    says: /prompt_name must have at most 256 characters/,
  },
  'the name of a model of 30 MB': {
    path: '/llamacpp/rerank',
    body: () => filled(`${RANK},"model":"`, 'm', '"}'),
    plain: true,
    status: 400,
    says: /model must have at most 256 characters/,
  },
  'a field with a name of 30 MB': {
    body: () => filled(`${RANK},"`, 'n', '":0}'),
    plain: true,
    status: 422,
    says: /unknown field 'n{60}\.\.\.'/,
  },
  'a number of 33 million digits': {
    body: () => filled(`${RANK},"top_k":1`, '0', '}'),
    plain: true,
    status: 422,
    says: /top_k must be an integer/,
  },
  'a text of escapes': {
    body: () => filled(`${RANK},"top_k":"`, '\\"', '"}'),
    plain: true,
    status: 422,
    says: /top_k must be an integer/,
  },
  'a text of escaped characters': {
    body: () => filled(`${RANK},"top_k":"`, '\\u718a', '"}'),
    plain: true,
    status: 422,
    says: /top_k must be an integer/,
  },
  'white space': { body: () => filled('', ' ', '{'), plain: true, status: 400, says: /the body is not valid JSON/ },
  'an error at the end of 33 MB': {
    path: '/infinity/rerank',
    body: () => filled(`{"query":"q","documents":["a"`, `,"${'word '.repeat(2000)}"`, ',]}'),
    plain: true,
    status: 422,
    says: /the body is not valid JSON/,
  },
  'a bomb of brotli': {
    body: () => brotliCompressSync(Buffer.alloc(100 * MIB, 0x20), { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
    headers: { 'content-encoding': 'br' },
    plain: true,
    ...RATIO,
  },
  'a bomb of deflate': {
    body: () => deflateSync(Buffer.alloc(100 * MIB, 0x20)),
    headers: { 'content-encoding': 'deflate' },
    plain: true,
    ...RATIO,
  },
  'gzip members of nothing': {
    body: () => Buffer.alloc(gzipSync('').length * 1_000_000, gzipSync('')),
    headers: { 'content-encoding': 'gzip' },
    plain: true,
    status: 400,
    says: /the body is empty/,
  },
  'compressed twice': {
    body: () => gzipSync(gzipSync('{}')),
    headers: { 'content-encoding': 'gzip, gzip' },
    plain: true,
    status: 415,
    says: /may be compressed once/,
  },
};

function attack(server: ServerUnderAttack, { path = '/rank', body, headers, plain = false }: Case): Promise<Answered> {
  const bytes = Buffer.from(body());
  return plain ? server.post(path, bytes, headers) : server.postGzipped(path, bytes, headers);
}

test('bodies that hold, nest or inflate to more than a server has are refused, and the others are served', async (t) => {
  const server = await start(t);
  for (const [name, hostile] of Object.entries(CASES)) {
    const answer = await server.endure(() => attack(server, hostile));
    assert.equal(answer.status, hostile.status, `${name}: ${answer.text.slice(0, 300)}`);
    assert.match(answer.text, hostile.says, name);
    assert.match(answer.headers.get('content-type') ?? '', /^application\/json/, name);
    assert.ok(answer.text.length < 1000, `${name}: ${answer.text.length} characters`);
    t.diagnostic(`${name}: ${Math.round(server.peakBytes() / MIB)} MiB at most since the start`);
  }
  assert.ok(server.peakBytes() < PEAK_BYTES, `${server.peakBytes() / MIB} MiB`);
});

test('many hostile bodies at once take no more than the memory for all bodies', async (t) => {
  const server = await start(t);
  const objects = Buffer.from(`{"query":"q","texts":${list('{}', 900_000)}}`);
  const texts = filled('{"query":"q","texts":["a"', `,"${'熊猫'.repeat(500)}"`, '],"truncate":1}');
  const answers = await server.endure(() =>
    Promise.all(Array.from({ length: 12 }, (_, index) => server.post('/tei/rerank', index % 2 === 0 ? objects : texts))),
  );
  for (const { status, text } of answers) assert.ok([422, 429].includes(status), `${status} ${text.slice(0, 300)}`);
  assert.ok(
    answers.some(({ status }) => status === 422),
    'one at a time they are read',
  );
  t.diagnostic(`${Math.round(server.peakBytes() / MIB)} MiB at most`);
  assert.ok(server.peakBytes() < 640 * MIB, `${server.peakBytes() / MIB} MiB`);
});

/** Sends all but the last byte of a compressed body, and waits. */
async function held(url: string, bytes: Buffer): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {}); // the server may end it
  await once(socket, 'connect');
  const head = ['POST /rank HTTP/1.1', 'Host: localhost', 'Content-Type: application/json', 'Content-Encoding: gzip'];
  socket.write(`${[...head, `Content-Length: ${bytes.length + 1}`].join('\r\n')}\r\n\r\n`);
  socket.write(bytes);
  return socket;
}

test('forty connections that hold compressed bodies open hold what they inflate to, and that is counted', async (t) => {
  const server = await start(t);
  const bomb = gzipSync(filled('{"query":"', ' ', '')); // 32 KB
  const before = server.residentBytes();
  await server.endure(async () => {
    const sockets = await Promise.all(Array.from({ length: 40 }, () => held(server.url, bomb)));
    const answers = await Promise.all(sockets.map(async (socket) => String((await once(socket, 'data'))[0])));
    for (const answer of answers) assert.match(answer, /^HTTP\/1\.1 (413|429) [\s\S]*"error"/);
    for (const socket of sockets) socket.destroy();
  });
  const grown = server.peakBytes() - before;
  t.diagnostic(`${Math.round(grown / MIB)} MiB more`);
  assert.ok(grown < 300 * MIB, `${grown / MIB} MiB`);
});

test('a body that comes byte by byte takes no more room than one that comes at once', async (t) => {
  const server = await start(t);
  const before = server.residentBytes();
  const { hostname, port } = new URL(server.url);
  const answer = await server.endure(async () => {
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    socket.write(
      'POST /rank HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    for (let part = 0; part < 10; part += 1) {
      if (!socket.write('1\r\n \r\n'.repeat(100_000))) await once(socket, 'drain');
    }
    socket.write('1\r\n{\r\n0\r\n\r\n');
    const [text] = await once(socket, 'data');
    socket.destroy();
    return String(text);
  });
  assert.match(answer, /^HTTP\/1\.1 400 /);
  const grown = server.peakBytes() - before;
  assert.ok(grown < 150 * MIB, `${grown / MIB} MiB`);
});

test('honest large requests pass with the limits of a small container', async (t) => {
  const server = await start(t, '--max-client-batch-size', '100000', '--max-queue-seconds', '3600');
  const fields = (index: number) => ({
    id: index,
    title: `title ${index}`,
    text: `text ${index}`,
    url: `https://x.example/${index}`,
  });
  const bodies: Readonly<Record<string, readonly [path: string, body: unknown]>> = {
    'one long document': ['/rank', { query: 'q', documents: ['word '.repeat(1_000_000)] }],
    'documents with fields': [
      '/v1/rerank',
      { query: 'q', documents: Array.from({ length: 20_000 }, (_, i) => fields(i)), top_n: 1 },
    ],
    pairs: ['/predict', { pairs: Array.from({ length: 20_000 }, (_, i) => ['q', `${i}`]) }],
  };
  for (const [name, [path, body]] of Object.entries(bodies)) {
    const answer = await server.endure(() => server.post(path, body));
    assert.equal(answer.status, 200, `${name}: ${answer.text.slice(0, 300)}`);
  }
});

test('hundreds of small bodies that inflate at once share the turns of the loop', async (t) => {
  const server = await ServerUnderAttack.start(t);
  const half = gzipSync(`{"query":"q","documents":["${' '.repeat(230_000)}`);
  const head = ['POST /rank HTTP/1.1', 'Host: localhost', 'Content-Type: application/json', 'Content-Encoding: gzip'];
  const { hostname, port } = new URL(server.url);
  await server.endure(async () => {
    const sockets = Array.from({ length: 400 }, () => connect(Number(port), hostname).on('error', () => {}));
    t.after(() => sockets.forEach((socket) => void socket.destroy()));
    for (const socket of sockets) socket.write(`${head.join('\r\n')}\r\nContent-Length: ${half.length + 1}\r\n\r\n`);
    for (const socket of sockets) socket.write(half);
    // Bodies that lack their last byte hold what they are: a further large one finds as much less room as they take.
    for (const socket of sockets) socket.destroy();
  });
});

test('a client that closes its connection gets the refusal of a body that it was still sending', async (t) => {
  const server = await ServerUnderAttack.start(t);
  const { hostname, port } = new URL(server.url);
  const bodies = [' '.repeat(34_000_000), `{"query":{"content":[${'0,'.repeat(5_000_000)}0]},"documents":["a"]}`];
  for (const body of bodies) {
    for (const connection of ['close', 'keep-alive']) {
      const socket = connect(Number(port), hostname);
      const head = [
        'POST /vllm/rerank HTTP/1.1',
        'Host: localhost',
        'Content-Type: application/json',
        `Connection: ${connection}`,
      ];
      socket.write(`${head.join('\r\n')}\r\nContent-Length: ${body.length}\r\n\r\n`);
      socket.write(body);
      const [answer] = (await once(socket, 'data')) as [Buffer]; // rejects when the connection is reset before
      assert.match(String(answer), /^HTTP\/1\.1 413 /, connection);
      socket.destroy();
    }
  }
});

test('memory is given back: the third time costs no more than the first', async (t) => {
  const server = await ServerUnderAttack.start(t, [], { nodeFlags: ['--max-old-space-size=1024'] });
  const documents = Array.from({ length: 10 }, (_, index) => `${index} ${'word '.repeat(600_000)}`);
  const body = JSON.stringify({ query: 'q', documents, max_length: 32 });
  const peaks: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    for (let sent = 0; sent < 6; sent += 1) assert.equal((await server.endure(() => server.postText('/rank', body))).status, 200);
    peaks.push(server.peakBytes());
  }
  assert.ok(peaks[2]! < peaks[0]! + 150 * MIB, `${peaks}`);
});

// The examples as their readers run them: each a process of its own, those that need one against a real server.

import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { checkedUrl } from '../helpers/checked-front.ts';
import { repoRoot } from '../helpers/paths.ts';
import { Crossrank } from './process.ts';

const execute = promisify(execFile);
const demo = JSON.parse(readFileSync(join(repoRoot, 'examples/data/mockingbird.json'), 'utf8')) as { documents: string[] };

/** Places in the demo's documents: the novel, and its author. */
const NOVEL = 1;
const AUTHOR = 3;

suite('library', () => {
  test('rank-plain.ts prints what its README shows', async () => {
    const output = await node('rank-plain');
    assertDemo(output);
    const shown = demoLines(readFileSync(join(repoRoot, 'examples/README.md'), 'utf8'));
    const printed = demoLines(output);
    assert.deepEqual(
      shown.map(({ place }) => place),
      printed.map(({ place }) => place),
      output,
    );
    for (const [line, { score }] of printed.entries()) assert.ok(Math.abs(shown[line]!.score - score) < 1e-3, output);
  });

  test('rank-pool.ts', async () => {
    const output = await node('rank-pool');
    assertDemo(output);
    assert.match(output, /first three of 300: \d+, \d+, \d+\n$/);
  });

  test('retrieve-and-rerank.ts shows five places of both orders', async () => {
    const output = await node('retrieve-and-rerank');
    const [english, chinese] = output.split('\n\n').map((part) => part.split('\n').filter((line) => /^\d\. /.test(line)));
    assert.deepEqual([english!.length, chinese!.length], [5, 5]);
    assert.ok(english!.every((line) => (line.match(/\b(en|zh)-\d\d\b/g) ?? []).length === 2));
    assert.match(output, /Jupiter is the largest planet/);
    assert.match(output, /珠穆朗玛峰/);
  });
});

suite('HTTP', () => {
  test('http-client.ts', async (t) => {
    assertDemo(await node('http-client', await serve(t)));
  });

  test('http-client.ts waits and tries again when the server asks for it', async (t) => {
    const statuses = [503, 429, 200];
    const seen: number[] = [];
    const url = await stub(t, (req, res) => {
      const status = statuses[seen.length] ?? 500;
      seen.push(status);
      req.resume();
      res.writeHead(status, { 'Content-Type': 'application/json', 'Retry-After': '0' });
      res.end(JSON.stringify({ results: [{ corpus_id: 0, score: 0.5, text: 'found' }] }));
    });
    assert.match(await node('http-client', url), /0\.50000 {2}\[0\] found/);
    assert.deepEqual(seen, statuses);
  });

  test('http-client.ts shows what the server refused', async (t) => {
    const url = await serve(t);
    await assert.rejects(node('http-client', `${url}/nowhere`), /404.*not_found/s);
  });

  test('demo.sh', { skip: missing('curl') }, async (t) => {
    const answer = JSON.parse(await run(join(repoRoot, 'examples/demo.sh'), [await serve(t)]));
    assertFirst(answer.results.map((result: { corpus_id: number }) => result.corpus_id));
  });

  test('client.py', { skip: missing('python3') }, async (t) => {
    assertDemo(await run('python3', [join(repoRoot, 'examples/client.py')], { RERANK_URL: await serve(t) }));
  });
});

interface DemoLine {
  readonly score: number;
  readonly place: number;
  readonly text: string;
}

/** Lines of `score  [place] text`. */
function demoLines(output: string): DemoLine[] {
  return [...output.matchAll(/^(\d\.\d{5}) {2}\[(\d)\] (.+)$/gm)].map(([, score, place, text]) => ({
    score: Number(score),
    place: Number(place),
    text: text!,
  }));
}

/** Every document is there, the novel and its author come first. */
function assertDemo(output: string): void {
  const ranked = demoLines(output);
  assert.deepEqual(ranked.map(({ text }) => text).toSorted(), demo.documents.toSorted());
  assertFirst(ranked.map(({ place }) => place));
}

function assertFirst(places: readonly number[]): void {
  assert.deepEqual(places.toSorted(), [0, 1, 2, 3, 4, 5]);
  assert.deepEqual(places.slice(0, 2).toSorted(), [NOVEL, AUTHOR]);
}

/** The server's address. */
async function serve(t: TestContext): Promise<string> {
  const server = new Crossrank(t, ['serve', '--port', '0', '--workers', '1', '--json-output']);
  const { url } = await server.logLine('ready');
  return checkedUrl(t, String(url), []);
}

async function stub(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function node(example: string, ...args: readonly string[]): Promise<string> {
  return run(process.execPath, [join(repoRoot, 'dist/examples', `${example}.js`), ...args]);
}

/** Standard output. @throws Error with the message on stderr when the exit code is not 0 */
async function run(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { stdout } = await execute(command, [...args], {
    cwd: repoRoot,
    env: { ...process.env, ...environment },
    timeout: 60_000,
  });
  return stdout;
}

/** Why a test that needs the tool is skipped, or false. */
function missing(tool: string): string | false {
  if (process.platform === 'win32') return 'written for a POSIX shell';
  return spawnSync(tool, ['--version']).status === 0 ? false : `${tool} is not installed`;
}

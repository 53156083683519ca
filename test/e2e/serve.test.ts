// The whole server as a process with a real model: from start to SIGTERM under load.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { checkedUrl } from '../helpers/checked-front.ts';
import { repoRoot } from '../helpers/paths.ts';
import { Crossrank } from './process.ts';

const MODEL = join(repoRoot, 'test/oracle/fixtures/models/bert');

test('serves real scores, says what it is, and ends with 0 on SIGTERM', async (t) => {
  const { process, url } = await serve(t, ['--workers', '2']);
  assert.equal((await fetch(`${url}/ready`)).status, 200);
  const info = await json(await fetch(`${url}/info`));
  assert.deepEqual([info.model_id, info.workers, info.onnx_file], ['bert', 2, 'model.onnx']);
  const documents = ['the giant panda is a bear', 'hello', { text: 'the giant panda is a bear' }];
  const ranked = await rank(url, { query: 'what is a panda', documents, return_documents: true });
  const results = ranked.results as { corpus_id: number; score: number; text: string }[];
  assert.equal(results.length, 3);
  const byId = results.toSorted((a, b) => a.corpus_id - b.corpus_id);
  assert.equal(byId[0]!.score, byId[2]!.score);
  assert.ok(results.every(({ score }) => score > 0 && score < 1));
  const cut = await rank(url, { query: 'what is a panda', documents, top_k: 1 });
  assert.equal((cut.results as unknown[]).length, 1);
  process.child.kill('SIGTERM');
  const { code, signal } = await process.finished;
  assert.deepEqual([code, signal], [0, null]);
});

test('SIGTERM under load: accepted requests are answered in full, exit code 0', async (t) => {
  const { process, url } = await serve(t, [
    '--workers',
    '2',
    '--max-queue-seconds',
    '3600',
    '--request-timeout',
    '3600',
    '--log-level',
    'debug',
  ]);
  const documents = Array.from({ length: 2000 }, (_, index) => `document ${index} about pandas, bears and other animals`);
  const accepted = Array.from({ length: 4 }, () => rank(url, { query: 'what is a panda', documents }));
  await process.logLine('accepted', 4);
  process.child.kill('SIGTERM');
  for (const answer of await Promise.all(accepted)) assert.equal((answer.results as unknown[]).length, 2000);
  const { code, signal, stderr } = await process.finished;
  assert.deepEqual([code, signal], [0, null]);
  assert.ok(
    stderr.indexOf('"message":"shutting down"') < stderr.indexOf('"message":"request","request_id"'),
    'the signal came first',
  );
});

test('two signals end a busy server at once, without an abort', async (t) => {
  const { process, url } = await serve(t, [
    '--workers',
    '2',
    '--max-queue-seconds',
    '3600',
    '--request-timeout',
    '3600',
    '--log-level',
    'debug',
  ]);
  const documents = Array.from({ length: 5000 }, (_, index) => `${index} `.repeat(200));
  const sent = post(url, { query: 'what is a panda', documents });
  await process.logLine('accepted');
  process.child.kill('SIGTERM');
  await process.logLine('shutting down');
  process.child.kill('SIGTERM');
  assert.equal((await sent).status, 503);
  const { code, signal } = await process.finished;
  assert.deepEqual([code, signal], [0, null]);
});

test('four workers start and end with exit code 0', async (t) => {
  const process = new Crossrank(t, [...BASE, '--workers', '4']);
  await process.logLine('ready');
  process.child.kill('SIGINT');
  const { code, signal } = await process.finished;
  assert.deepEqual([code, signal], [0, null]);
});

test('SIGTERM while the model loads ends with 0', async (t) => {
  const process = new Crossrank(t, [...BASE, '--workers', '2']);
  await process.logLine('listening; the model is being loaded');
  process.child.kill('SIGTERM');
  const { code, signal, stderr } = await process.finished;
  assert.deepEqual([code, signal], [0, null]);
  assert.ok(!stderr.includes('"message":"ready"'));
});

test('the text of requests is in no log line, at debug level either', async (t) => {
  const { process, url } = await serve(t, ['--log-level', 'debug', '--workers', '1']);
  await rank(url, { query: 'CONFIDENTIAL', documents: ['CONFIDENTIAL'] });
  await post(url, { query: 'CONFIDENTIAL', documents: [{ CONFIDENTIAL: 1 }] });
  process.child.kill('SIGTERM');
  const { stderr } = await process.finished;
  assert.ok(stderr.includes('"status":200') && stderr.includes('"status":422') && !stderr.includes('CONFIDENTIAL'));
});

test('a log whose reader is gone keeps no request from its answer, and the end is 0', async (t) => {
  const { process, url } = await serve(t, ['--workers', '1']);
  process.child.stderr?.destroy();
  for (let round = 0; round < 3; round += 1) await rank(url, { query: 'q', documents: ['a'] });
  process.child.kill('SIGTERM');
  const { code, signal } = await process.finished;
  assert.deepEqual([code, signal], [0, null]);
});

const BASE = ['serve', '--model-id', MODEL, '--port', '0', '--json-output'];

interface Served {
  readonly process: Crossrank;
  readonly url: string;
}

async function serve(test: TestContext, flags: readonly string[]): Promise<Served> {
  const process = new Crossrank(test, [...BASE, ...flags]);
  const { url } = await process.logLine('ready');
  return { process, url: await checkedUrl(test, String(url), flags) };
}

function post(url: string, body: object): Promise<Response> {
  return fetch(`${url}/rank`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
}

async function rank(url: string, body: object): Promise<Record<string, unknown>> {
  const response = await post(url, body);
  assert.equal(response.status, 200);
  return json(response);
}

async function json(response: Response): Promise<Record<string, unknown>> {
  return (await response.json()) as Record<string, unknown>;
}

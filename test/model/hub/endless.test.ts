// A hub whose answers have no end, or are larger than any model's: told, and not read on.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { oracleModel } from '../../helpers/oracle.ts';
import { filesOf } from '../../helpers/stand-in-hub.ts';
import { kinds, setUp } from './support.ts';

const TREE = /^hub \S*\/tree\//;
const TIMES = Number.POSITIVE_INFINITY;

test('pages without end are given up after a thousand', async (t) => {
  const { hub, resolve } = await setUp(t);
  hub.faults.push({ match: TREE, kind: 'endless-pages', times: TIMES });
  await assert.rejects(resolve(), { code: 'model_files', message: /gives more than 1000 answers for oracle\/bert/ });
  assert.ok(hub.log().length <= 1001, `${hub.log().length} requests`);
});

test('a listing without end is not read on, and not asked for again', async (t) => {
  const { hub, resolve, events } = await setUp(t);
  hub.faults.push({ match: TREE, kind: 'flood', times: TIMES });
  await assert.rejects(resolve(), { code: 'model_files', message: /gives an answer of more than 16777216 bytes/ });
  assert.deepEqual(kinds(events), []);
});

test('an answer that trickles is given up, though bytes come', async (t) => {
  const { hub, resolve } = await setUp(t);
  hub.faults.push({ match: TREE, kind: 'trickle', times: TIMES });
  await assert.rejects(resolve({}, { stallMs: 60 }), {
    code: 'model_files',
    message: /an answer did not come to its end in time/,
  });
});

test('what the hub says of an error is shown in part', async (t) => {
  const { hub, resolve } = await setUp(t);
  const headers = { 'x-error-message': 'x'.repeat(8000) };
  hub.faults.push({ match: TREE, kind: 'status', status: 403, headers, times: TIMES });
  await assert.rejects(resolve(), (error: Error) => /refuses access/.test(error.message) && error.message.length < 700);
});

test('a file name longer than any, and a configuration of gigabytes, are refused before a byte of weights', async (t) => {
  const long = await setUp(t, { ...filesOf(oracleModel('bert')), [`${'a'.repeat(2000)}.txt`]: 'x' });
  await assert.rejects(
    long.resolve(),
    (error: Error) => /at most 1024 characters/.test(error.message) && error.message.length < 400,
  );
  const large = await setUp(t);
  large.hub.announcedBytes.set('config.json', 4 * 2 ** 30);
  await assert.rejects(large.resolve(), /config\.json has 4294967296 bytes, and at most 104857600 are read/);
  assert.deepEqual(
    large.hub.seen.filter(({ host }) => host === 'files'),
    [],
  );
});

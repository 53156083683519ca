// A serving process asks for the accounts of all: what it gets, and what it makes do with.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Collector } from '../../src/cluster/collector.ts';
import { Exchange } from '../../src/cluster/exchange.ts';
import { Member } from '../../src/cluster/member.ts';
import { type FromProcess, parseFromProcess, parseToProcess } from '../../src/cluster/messages.ts';
import { Pulse } from '../../src/cluster/pulse.ts';

test('the accounts of all, when the primary answers', async () => {
  const { exchange, sent } = exchangeOf(1);
  const collected = exchange.collect();
  assert.deepEqual(sent, [{ kind: 'collect', id: 0 }]);
  const snapshots = [{ process: 1, snapshot: 'mine, as collected' }];
  exchange.hear({ kind: 'collected', id: 0, snapshots });
  assert.deepEqual(await collected, snapshots);
});

test('its own account, when the primary is silent or leaves it out', async () => {
  const { exchange } = exchangeOf(1);
  assert.deepEqual(await exchange.collect(), [{ process: 1, snapshot: 'mine' }]);
  const collected = exchange.collect();
  exchange.hear({ kind: 'collected', id: 1, snapshots: [{ process: 0, snapshot: 'other' }] });
  assert.deepEqual(await collected, [
    { process: 0, snapshot: 'other' },
    { process: 1, snapshot: 'mine' },
  ]);
});

test('it answers when asked, and once more at its end', async () => {
  const { exchange, sent } = exchangeOf(0);
  exchange.hear({ kind: 'give-snapshot', id: 5 });
  await exchange.sayFarewell();
  assert.deepEqual(sent, [
    { kind: 'snapshot', id: 5, snapshot: 'mine' },
    { kind: 'snapshot', id: null, snapshot: 'mine' },
  ]);
});

test('a process that does not answer in time is left out', async () => {
  const silent = new Member({
    fork: ({ onMessage }) => {
      setImmediate(() => onMessage({ kind: 'ready', facts: {} }));
      return { pid: 1, send: () => {}, kill: () => {} };
    },
    order: {
      kind: 'start',
      process: 0,
      flags: {},
      model: { directory: '/m', onnxFile: null },
      port: 1,
      metricsPort: null,
      listen: 'at-once',
    },
    pulse: new Pulse(30),
    clock: () => 0,
    onMessage: () => {},
  });
  await silent.ready;
  assert.deepEqual(await new Collector({ members: () => [silent], timeoutMs: 1 }).collect(), []);
});

test('what is no message of ours is null', () => {
  for (const raw of [null, 'ready', {}, { kind: 'ready' }, { kind: 'failed', code: 'no such code', message: 'x' }])
    assert.equal(parseFromProcess(raw), null);
  for (const raw of [undefined, { kind: 'start' }, { kind: 'shutdown', reason: 'x', manner: 'rude' }])
    assert.equal(parseToProcess(raw), null);
  assert.deepEqual(parseToProcess({ kind: 'retire' }), { kind: 'retire' });
});

function exchangeOf(process: number): { readonly exchange: Exchange; readonly sent: FromProcess[] } {
  const sent: FromProcess[] = [];
  const exchange = new Exchange({ process, send: (message) => void sent.push(message), own: async () => 'mine', timeoutMs: 1 });
  return { exchange, sent };
}

// When the primary takes a process for silent, for hung, or for unfit, and what it does then. Time is counted in looks.

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { Pulse } from '../../src/cluster/pulse.ts';
import { eventually } from '../http/support.ts';
import { type Scripted, scripted } from './scripted-processes.ts';

test('a process that answers is asked at every look and never more', () => {
  const pulse = new Pulse(3);
  for (let look = 0; look < 100; look += 1) {
    assert.equal(pulse.look(), 'ask');
    pulse.hear(true);
  }
});

test('one question stays open: silent after five looks, hung after the limit, each said once', () => {
  const pulse = new Pulse(8);
  const verdicts = Array.from({ length: 12 }, () => pulse.look());
  const waits = ['wait', 'wait', 'wait', 'wait'];
  assert.deepEqual(verdicts, ['ask', ...waits, 'silent', 'wait', 'wait', 'hung', 'wait', 'wait', 'wait']);
});

test('busy for a while is no harm: an answer begins everything anew', () => {
  const pulse = new Pulse(30);
  for (let round = 0; round < 10; round += 1) {
    const verdicts = Array.from({ length: 30 }, () => pulse.look());
    assert.ok(!verdicts.includes('hung'));
    pulse.hear(true);
  }
});

test('not ready at every answer: unfit after the limit, and again only after as many more', () => {
  const pulse = new Pulse(3);
  const verdicts: string[] = [];
  for (let look = 0; look < 8; look += 1) {
    const verdict = pulse.look();
    verdicts.push(verdict);
    if (verdict === 'ask') pulse.hear(look === 0);
  }
  assert.deepEqual(verdicts, ['ask', 'ask', 'ask', 'ask', 'unfit', 'ask', 'ask', 'ask']);
});

test('a silent process gets no connections, a hung one is killed and replaced, its connection goes to another', async () => {
  const service = await serving(2, 8);
  const [first, second] = service.processes as [Scripted['processes'][0], Scripted['processes'][0]];
  service.connect(connection());
  service.connect(connection());
  assert.deepEqual([first.given.length, second.given.length], [1, 1]);
  second.say({ kind: 'taken', taken: true });
  for (let look = 0; look < 6; look += 1) lookOnce(service, second);
  assert.ok(service.log.includes('a process does not answer; it gets no connections'));
  for (let look = 0; look < 3; look += 1) lookOnce(service, second);
  assert.deepEqual([first.killed, second.killed], [true, false]);
  const [stuck] = first.given;
  first.end({ signal: 'SIGKILL' });
  await eventually(() => second.given.length === 2);
  assert.equal(second.given[1], stuck);
  await eventually(() => service.processes.length === 3);
  assert.deepEqual(service.supervisor.replaced, { ended: 0, silent: 1, not_ready: 0 });
});

test('a process that is not ready for long is renewed: its successor is ready before it retires', async () => {
  const service = await serving(1, 3);
  for (let look = 0; look < 5; look += 1) {
    service.supervisor.look();
    service.processes[0]!.say({ kind: 'pong', fit: false });
  }
  await eventually(() => service.processes.length === 2);
  assert.equal(service.processes[0]!.told.includes('retire'), false);
  service.processes[1]!.ready();
  await eventually(() => service.processes[0]!.told.includes('retire'));
  assert.deepEqual(service.supervisor.replaced, { ended: 0, silent: 0, not_ready: 1 });
});

test('a process that retires or ends has its own time: it is not asked', async () => {
  const service = await serving(1, 3);
  void service.supervisor.shutdown('SIGTERM', 'announced');
  for (let look = 0; look < 10; look += 1) service.supervisor.look();
  assert.deepEqual([service.processes[0]!.told, service.processes[0]!.killed], [['shutdown'], false]);
});

/** The primary looks, and this process alone answers. */
function lookOnce(service: Scripted, answering: Scripted['processes'][0]): void {
  service.supervisor.look();
  answering.say({ kind: 'pong', fit: true });
}

function connection(): Socket {
  return { destroy: () => {}, resetAndDestroy: () => {} } as unknown as Socket;
}

/** A service whose processes are ready and take connections. */
async function serving(count: number, patience: number): Promise<Scripted> {
  const service = scripted(count, { patience });
  const started = service.supervisor.start();
  for (let index = 0; index < count; index += 1) {
    await eventually(() => service.processes.length > index);
    service.processes[index]!.say({ kind: 'accepting', port: 'api', on: true });
    service.processes[index]!.ready();
  }
  await started;
  return service;
}

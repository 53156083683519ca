// The primary's decisions, against processes that do what the test says: order of starts, waits, renewals, ends.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../http/support.ts';
import { type Scripted, scripted } from './scripted-processes.ts';

test('the first process starts alone, the others together when it is ready', async () => {
  const service = scripted(3);
  const started = service.supervisor.start();
  await eventually(() => service.processes.length === 1);
  assert.equal(service.processes[0]!.order.listen, 'at-once');
  service.processes[0]!.ready();
  await eventually(() => service.processes.length === 3);
  const others = service.processes.slice(1).map(({ order }) => [order.process, order.listen]);
  assert.deepEqual(others, [
    [1, 'when-ready'],
    [2, 'when-ready'],
  ]);
  service.processes[2]!.ready();
  service.processes[1]!.ready();
  assert.deepEqual(await started, { url: 'http://x' });
});

test('a process that cannot start ends the service with its cause', async () => {
  const service = scripted(2);
  const started = service.supervisor.start();
  await eventually(() => service.processes.length === 1);
  service.processes[0]!.ready();
  await eventually(() => service.processes.length === 2);
  const [first, second] = service.processes as [Scripted['processes'][0], Scripted['processes'][0]];
  second.say({ kind: 'failed', code: 'model_files', message: 'model.onnx is empty' });
  await eventually(() => first.told.includes('shutdown'));
  first.end();
  second.end({ code: 1 });
  await assert.rejects(started, { code: 'model_files', message: 'model.onnx is empty' });
  assert.equal(service.processes.length, 2);
});

test('a process that dies at its first start without a word is named with its signal', async () => {
  const service = scripted(2);
  const started = service.supervisor.start();
  await eventually(() => service.processes.length === 1);
  service.processes[0]!.end({ signal: 'SIGABRT' });
  await assert.rejects(started, { code: 'internal', message: 'process 0 was ended by SIGABRT before it was ready' });
});

test('a crash loop waits 1, 2, 4 ... 30 s; after a healthy minute a successor starts at once', async () => {
  const service = await serving(2);
  const crash = async (): Promise<void> => {
    const count = service.processes.length;
    service.processes.at(-1)!.end({ signal: 'SIGSEGV' });
    await eventually(() => service.processes.length === count + 1);
    service.processes.at(-1)!.ready();
    await eventually(() => service.log.filter((line) => line === 'process ready').length === count + 1);
  };
  for (let round = 0; round < 7; round += 1) await crash();
  assert.deepEqual(service.waits, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  service.nowMs += 60_000;
  await crash();
  await crash();
  assert.deepEqual(service.waits.slice(7), [0, 1000]);
  assert.ok(service.processes.slice(2).every(({ order }) => order.process === 1 && order.listen === 'when-ready'));
  assert.ok(!service.processes[0]!.over, 'the other process goes on');
});

test('a replacement that cannot load is tried again; one whose configuration is wrong is not', async () => {
  const service = await serving(2);
  service.processes[1]!.end({ signal: 'SIGKILL' });
  await eventually(() => service.processes.length === 3);
  service.processes[2]!.say({ kind: 'failed', code: 'model_files', message: 'gone' });
  await eventually(() => service.processes.length === 4);
  service.processes[3]!.say({ kind: 'failed', code: 'config', message: '--api-key-file must name a readable file' });
  await eventually(() => service.log.filter((line) => line === 'a process cannot be replaced').length === 2);
  assert.equal(service.processes.length, 4);
  service.processes[0]!.end({ signal: 'SIGKILL' });
  await eventually(() => service.processes.length === 5);
  service.processes[4]!.say({ kind: 'failed', code: 'config', message: 'still wrong' });
  await assert.rejects(service.supervisor.ended, { code: 'config', message: 'still wrong' });
});

test('a restart renews one process after the other: the new one is ready before the old one retires', async () => {
  const service = await serving(2);
  service.supervisor.restart();
  await eventually(() => service.processes.length === 3);
  const [first, second, third] = service.processes as [
    Scripted['processes'][0],
    Scripted['processes'][0],
    Scripted['processes'][0],
  ];
  assert.deepEqual([third.order.process, first.told], [0, []]);
  third.ready();
  await eventually(() => first.told.length === 1);
  assert.deepEqual([first.told, service.processes.length], [['retire'], 3], 'the next one waits for the end of the old');
  first.end();
  await eventually(() => service.processes.length === 4);
  service.processes[3]!.ready();
  await eventually(() => second.told.length === 1);
  second.end();
  await eventually(() => service.log.includes('all processes are restarted'));
  assert.deepEqual([service.processes.length, service.waits], [4, []], 'a retired process is not replaced');
});

test('a restart whose new process fails is given up; the old ones serve; the next restart succeeds', async () => {
  const service = await serving(1);
  service.supervisor.restart();
  await eventually(() => service.processes.length === 2);
  service.processes[1]!.say({ kind: 'failed', code: 'config', message: 'no such key file' });
  await eventually(() => service.log.some((line) => line.startsWith('the restart is given up')));
  assert.deepEqual(service.processes[0]!.told, []);
  service.supervisor.restart();
  await eventually(() => service.processes.length === 3);
  service.processes[2]!.ready();
  await eventually(() => service.processes[0]!.told.includes('retire'));
});

test('a restart asked for during one follows it', async () => {
  const service = await serving(1);
  service.supervisor.restart();
  service.supervisor.restart();
  service.supervisor.restart();
  for (const round of [1, 2]) {
    await eventually(() => service.processes.length === round + 1);
    service.processes[round]!.ready();
    await eventually(() => service.processes[round - 1]!.told.includes('retire'));
    service.processes[round - 1]!.end();
  }
  await eventually(() => service.log.filter((line) => line === 'all processes are restarted').length === 2);
  assert.equal(service.processes.length, 3);
});

test('the old process may die while its successor loads: one successor is enough', async () => {
  const service = await serving(1);
  service.supervisor.restart();
  await eventually(() => service.processes.length === 2);
  service.processes[0]!.end({ signal: 'SIGKILL' });
  await eventually(() => service.waits.length === 1);
  service.processes[1]!.ready();
  await eventually(() => service.log.includes('all processes are restarted'));
  assert.equal(service.processes.length, 2);
});

test('shutdown reaches every process, the loading one too; nothing is started any more', async () => {
  const service = await serving(2);
  service.supervisor.restart();
  await eventually(() => service.processes.length === 3);
  const ended = service.supervisor.shutdown('SIGTERM', 'announced');
  assert.ok(service.processes.every(({ told }) => told.join() === 'shutdown'));
  void service.supervisor.shutdown('SIGTERM', 'announced');
  assert.ok(service.processes.every(({ told }) => told.join() === 'shutdown,shutdown'));
  service.processes[0]!.end();
  service.processes[1]!.end({ signal: 'SIGKILL' });
  service.processes[2]!.end();
  await ended;
  await service.supervisor.ended;
  assert.deepEqual([service.processes.length, service.supervisor.unclean], [3, 1]);
  assert.equal(service.log.filter((line) => line === 'stopped').length, 1);
});

test('told to end while the first process loads, the start is no failure', async () => {
  const service = scripted(2);
  const started = service.supervisor.start();
  await eventually(() => service.processes.length === 1);
  void service.supervisor.shutdown('SIGTERM', 'announced');
  service.processes[0]!.end();
  assert.equal(await started, null);
  assert.deepEqual([service.processes.length, service.supervisor.unclean], [1, 0]);
});

test('accounts: those that answer, and the sum of those that ended, the killed one by its last', async () => {
  const foldEnded = (sum: unknown, snapshot: unknown) => Number(sum ?? 0) + Number(snapshot);
  const service = await serving(2, { foldEnded });
  const [first, second] = service.processes as [Scripted['processes'][0], Scripted['processes'][0]];
  const answer = (process: Scripted['processes'][0], snapshot: number): void => {
    const asked = process.heard.findLast((message) => message.kind === 'give-snapshot')!;
    process.say({ kind: 'snapshot', id: asked.id, snapshot });
  };
  const collected = service.supervisor.collect();
  assert.equal(service.supervisor.collect(), collected, 'callers share the answers');
  answer(first, 10);
  answer(second, 100);
  assert.deepEqual(await collected, [
    { process: 0, snapshot: 10 },
    { process: 1, snapshot: 100 },
  ]);
  second.end({ signal: 'SIGKILL' });
  first.say({ kind: 'collect', id: 7 });
  answer(first, 11);
  await eventually(() => first.told.includes('collected'));
  const expected = [
    { process: 0, snapshot: 11 },
    { process: null, snapshot: 100 },
  ];
  assert.deepEqual(first.heard.at(-1), { kind: 'collected', id: 7, snapshots: expected });
});

/** A service whose processes are ready. */
async function serving(count: number, options: Parameters<typeof scripted>[1] = {}): Promise<Scripted> {
  const service = scripted(count, options);
  const started = service.supervisor.start();
  await eventually(() => service.processes.length === 1);
  service.processes[0]!.ready();
  await eventually(() => service.processes.length === count);
  for (const process of service.processes.slice(1)) process.ready();
  await started;
  return service;
}

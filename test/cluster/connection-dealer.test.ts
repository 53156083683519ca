// Every connection has one owner or an end, whatever processes do: take, refuse, die, fall silent.

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { ConnectionDealer, type Taker } from '../../src/cluster/connection-dealer.ts';

test('processes are given connections in turn, one at a time each', async () => {
  const port = new TestPort();
  const [first, second] = await port.takers(2);
  const sent = port.connect(5);
  assert.deepEqual([first!.has, second!.has], [[sent[0]], [sent[1]]]);
  await second!.answer(true);
  assert.deepEqual(second!.has, [sent[2]], 'the next one, without waiting for the first');
  await second!.answer(true);
  await first!.answer(true);
  assert.deepEqual([first!.has, second!.has], [[sent[4]], [sent[3]]]);
  assert.deepEqual(
    sent.slice(0, 3).map(({ end }) => end),
    ['handed over', 'handed over', 'handed over'],
  );
});

test('a connection on its way to a process that dies goes to another; when that dies, too, it is reset and the port is closed', async () => {
  const port = new TestPort();
  const [first, second] = await port.takers(2);
  const [, two, ...others] = port.connect(4);
  await first!.answer(true);
  port.dealer.remove(first!);
  await first!.answer(false); // others[0], which was given to it meanwhile
  assert.deepEqual(second!.has, [two]);
  port.dealer.remove(second!);
  await second!.answer(false);
  assert.deepEqual([two!.end, ...others.map(({ end }) => end)], ['reset', 'reset', 'reset']);
  assert.deepEqual([port.open, port.dealer.waiting], [0, 0]);
});

test('when a process takes connections again, the port is open again', async () => {
  const port = new TestPort();
  const [first] = await port.takers(1);
  port.dealer.remove(first!);
  assert.equal(port.open, 0);
  const [second] = await port.takers(1);
  assert.equal(port.open, 1);
  const [sent] = port.connect(1);
  assert.deepEqual(second!.has, [sent]);
});

test('a port that cannot be had is tried again', async () => {
  const port = new TestPort();
  port.isTaken = true;
  const [taker] = await port.takers(1);
  assert.deepEqual([port.open, port.failures], [0, 1]);
  port.isTaken = false;
  port.dealer.reopen();
  await turn();
  const [sent] = port.connect(1);
  assert.deepEqual([port.open, taker!.has], [1, [sent]]);
});

test('a silent process gets nothing while another answers; where none does, connections wait for what becomes of them', async () => {
  const port = new TestPort();
  const [first, second] = await port.takers(2);
  port.dealer.setSilent(first!, true);
  const sent = port.connect(2);
  await second!.answer(true);
  await second!.answer(true);
  assert.deepEqual([first!.has, sent.map(({ end }) => end)], [[], ['handed over', 'handed over']]);
  port.dealer.setSilent(second!, true);
  const [waiting] = port.connect(1);
  assert.deepEqual([waiting!.end, port.dealer.waiting], [null, 1]);
  port.dealer.setSilent(first!, false);
  assert.deepEqual(first!.has, [waiting]);
});

test('what waits is bounded, and so is how often one connection is refused', async () => {
  const port = new TestPort();
  const [taker] = await port.takers(1);
  const sent = port.connect(1200);
  assert.equal(port.dealer.waiting, 1024);
  assert.equal(sent.filter(({ end }) => end === 'reset').length, 1200 - 1024 - 1);
  const refusing = new TestPort();
  const [stubborn] = await refusing.takers(1);
  const [one] = refusing.connect(1);
  for (let round = 0; round < 30 && one!.end === null; round += 1) await stubborn!.answer(false);
  assert.equal(one!.end, 'reset');
  assert.equal(taker!.has.length, 1);
});

test('any history: no connection is with two processes, and each has ended when all processes have', async () => {
  const step = fc.tuple(fc.constantFrom('connect', 'take', 'refuse', 'die', 'silent', 'speak', 'join'), fc.nat(2));
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const port = new TestPort();
      const takers = await port.takers(2);
      const sent: TestConnection[] = [];
      for (const [what, index] of steps) {
        const taker = takers[index % Math.max(1, takers.length)];
        if (what === 'connect' && port.open > 0) sent.push(...port.connect(1));
        if (what === 'join') takers.push(...(await port.takers(1)));
        if (taker === undefined) continue;
        if (what === 'take') await taker.answer(true);
        if (what === 'refuse') await taker.answer(false);
        if (what === 'silent') port.dealer.setSilent(taker, true);
        if (what === 'speak') port.dealer.setSilent(taker, false);
        if (what === 'die') await dies(port, takers, taker);
        const held = takers.flatMap(({ has }) => has);
        assert.equal(new Set(held).size, held.length);
        assert.ok(held.every(({ end }) => end === null));
      }
      while (takers.length > 0) await dies(port, takers, takers[0]!);
      assert.ok(sent.every(({ end }) => end !== null));
      assert.equal(port.open, 0);
    }),
    { numRuns: 300, seed: 15 },
  );
});

async function dies(port: TestPort, takers: TestTaker[], taker: TestTaker): Promise<void> {
  takers.splice(takers.indexOf(taker), 1);
  port.dealer.remove(taker);
  await taker.answer(false);
}

/** Promises that are settled have told whom they had to tell. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** How it ended; null while it is somebody's. */
class TestConnection {
  end: 'handed over' | 'reset' | null = null;

  destroy(): void {
    assert.equal(this.end, null);
    this.end = 'handed over';
  }

  resetAndDestroy(): void {
    assert.equal(this.end, null);
    this.end = 'reset';
  }
}

class TestTaker implements Taker {
  readonly has: TestConnection[] = [];
  #settle: (taken: boolean) => void = () => {};

  give(connection: Socket): Promise<boolean> {
    assert.equal(this.has.length, 0, 'one at a time');
    this.has.push(connection as unknown as TestConnection);
    return new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  async answer(taken: boolean): Promise<void> {
    this.has.pop();
    this.#settle(taken);
    await turn();
  }
}

class TestPort {
  isTaken = false;
  open = 0;
  failures = 0;
  #onConnection: (connection: Socket) => void = () => {};
  readonly dealer = new ConnectionDealer({
    listen: async (onConnection) => {
      if (this.isTaken) throw new Error('in use');
      this.open += 1;
      this.#onConnection = onConnection;
      return {
        close: () => {
          this.open -= 1;
        },
      };
    },
    onFailure: () => {
      this.failures += 1;
    },
  });

  async takers(count: number): Promise<TestTaker[]> {
    const takers = Array.from({ length: count }, () => new TestTaker());
    for (const taker of takers) this.dealer.add(taker);
    await turn();
    return takers;
  }

  connect(count: number): TestConnection[] {
    const connections = Array.from({ length: count }, () => new TestConnection());
    for (const connection of connections) this.#onConnection(connection as unknown as Socket);
    return connections;
  }
}

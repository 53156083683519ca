// The door, the fair queue and the measured speed together, driven by random histories. Time is counted, not lived.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RerankError } from '../../src/errors.ts';
import { createLane, FairQueue, type Lane } from '../../src/pool/fair-queue.ts';
import { SpeedEstimate } from '../../src/pool/speed-estimate.ts';
import { DEFAULT_URGENCY, QUICK_SECONDS } from '../../src/protocol.ts';
import { type Asked, admit, type Backlog } from '../../src/rerank/admission.ts';

const QUEUE_SECONDS = 10;
const LIMITS = { maxQueueSeconds: QUEUE_SECONDS };

/** Cost units a second of an undisturbed worker. */
const TRUE_SPEED = 1000;

interface Batch {
  readonly call: Call;
  readonly cost: number;
}

interface Call {
  readonly lane: Lane<Batch>;
  readonly counted: { readonly quick: boolean };
  missing: number;
  isOver: boolean;
}

/** Does what the pool does, with workers that are numbers. */
class Machine {
  readonly speed: SpeedEstimate;
  readonly calls = new Set<Call>();
  readonly #workers: number;
  readonly #queue = new FairQueue<Batch>(({ cost }) => cost);
  readonly #running: { readonly batch: Batch; readonly doneMs: number }[] = [];
  #nowMs = 0;
  outstanding = 0;
  quick = 0;
  /** Times as slow as undisturbed. */
  slowness = 1;

  constructor(workers: number, warmUp: number) {
    this.#workers = workers;
    this.speed = new SpeedEstimate(warmUp, { hoped: TRUE_SPEED / 10 }); // a tenth is what the size of a model promises
  }

  get backlog(): Backlog {
    return {
      outstandingCost: this.outstanding,
      quickCost: this.quick,
      calls: this.calls.size,
      costPerSecond: this.speed.perSecond * this.#workers,
      peakCostPerSecond: this.speed.peakPerSecond * this.#workers,
      isFresh: false, // it arrives when it likes: after some seconds, too
    };
  }

  /** Lets a call in as the door says, and checks what the door promised. */
  arrive(asked: Asked): RerankError | null {
    const before = this.backlog;
    try {
      const { quick } = admit(asked, before, LIMITS);
      this.#accept(asked, quick);
      this.#checkBounds(asked, before, quick);
      return null;
    } catch (error) {
      assert.ok(error instanceof RerankError, String(error));
      checkRefusal(asked, before, error);
      return error;
    }
  }

  #accept({ cost, urgency = DEFAULT_URGENCY }: Asked, quick: boolean): void {
    const batchCost = Math.max(1, Math.round(this.speed.perSecond * 0.05));
    const lane = createLane<Batch>(0, 4 ** (DEFAULT_URGENCY - urgency), quick ? cost : null);
    const call: Call = { lane, counted: { quick }, missing: 0, isOver: false };
    for (let left = cost; left > 0; left -= batchCost) {
      const batch = { call, cost: Math.min(left, batchCost) };
      call.missing += 1;
      this.#account(batch, 1);
      this.#queue.push(lane, batch);
    }
    this.calls.add(call);
    this.#dispatch();
  }

  #checkBounds({ cost, urgency = DEFAULT_URGENCY }: Asked, before: Backlog, quick: boolean): void {
    const best = before.peakCostPerSecond;
    if (before.outstandingCost === 0) {
      assert.ok(cost <= best * QUEUE_SECONDS * 1.001, `an idle machine took ${cost} at ${best} a second`);
      return;
    }
    const believed = before.costPerSecond;
    const share = urgency > DEFAULT_URGENCY ? 0.5 : quick ? 1 : 0.9;
    const waiting = quick ? before.quickCost : before.outstandingCost;
    assert.ok(
      waiting + cost <= believed * QUEUE_SECONDS * share * 1.001,
      `${waiting} waited, ${cost} came, at ${believed} a second`,
    );
  }

  /** One batch ends; another one begins. @returns whether there was one */
  step(): boolean {
    const next = this.#running.toSorted((a, b) => a.doneMs - b.doneMs)[0];
    if (next === undefined) return false;
    this.#running.splice(this.#running.indexOf(next), 1);
    this.#nowMs = next.doneMs;
    const { call, cost } = next.batch;
    call.lane.running -= 1;
    this.#account(next.batch, -1);
    this.speed.learn(cost, (1000 * cost * this.slowness) / TRUE_SPEED);
    call.missing -= 1;
    if (call.missing === 0) this.#end(call);
    this.#dispatch();
    return true;
  }

  cancel(index: number): void {
    const call = [...this.calls][index % Math.max(1, this.calls.size)];
    if (call === undefined) return;
    for (const batch of this.#queue.drop(call.lane)) this.#account(batch, -1);
    this.#end(call);
  }

  /** A worker dies over its batch, which goes back to the front unless nobody waits for it. */
  die(): void {
    const lost = this.#running.shift();
    if (lost === undefined) return;
    const { batch } = lost;
    batch.call.lane.running -= 1;
    if (batch.call.isOver) this.#account(batch, -1);
    else this.#queue.pushFront(batch.call.lane, batch);
    this.#dispatch();
  }

  #end(call: Call): void {
    call.isOver = true;
    this.calls.delete(call);
  }

  #account({ call, cost }: Batch, sign: 1 | -1): void {
    this.outstanding += sign * cost;
    if (call.counted.quick) this.quick += sign * cost;
  }

  #dispatch(): void {
    while (this.#running.length < this.#workers) {
      const batch = this.#queue.next();
      if (batch === undefined) return;
      batch.call.lane.running += 1;
      this.#running.push({ batch, doneMs: this.#nowMs + (1000 * batch.cost * this.slowness) / TRUE_SPEED });
    }
  }
}

/** Nobody is refused without a reason, nor told to wait longer than the queue can hold. */
function checkRefusal({ cost, urgency = DEFAULT_URGENCY, remainingSeconds }: Asked, before: Backlog, error: RerankError): void {
  if (error.code === 'too_costly') {
    const share = urgency > DEFAULT_URGENCY ? 0.5 : 0.9;
    const inTime = (remainingSeconds ?? Number.POSITIVE_INFINITY) * before.peakCostPerSecond;
    assert.ok(cost > Math.min(before.peakCostPerSecond * QUEUE_SECONDS * share * 0.999, inTime));
    return;
  }
  assert.equal(error.code, 'overloaded');
  assert.ok(before.outstandingCost > 0, 'an idle machine is not overloaded');
  const seconds = error.retryAfterSeconds!;
  assert.ok(Number.isInteger(seconds) && seconds >= 1 && seconds <= QUEUE_SECONDS, `Retry-After: ${seconds}`);
  const isQuick = urgency <= DEFAULT_URGENCY && cost <= QUICK_SECONDS * before.costPerSecond;
  if (isQuick && remainingSeconds === undefined)
    assert.ok(before.quickCost + cost > QUEUE_SECONDS * before.costPerSecond * 0.999, 'a quick call beside little quick work');
}

type Event =
  | { readonly kind: 'arrive'; readonly asked: Asked }
  | { readonly kind: 'work'; readonly batches: number }
  | { readonly kind: 'cancel'; readonly index: number }
  | { readonly kind: 'die' }
  | { readonly kind: 'disturb'; readonly slowness: number };

const COST = fc.oneof(
  fc.integer({ min: 1, max: 300 }),
  fc.integer({ min: 300, max: 20_000 }),
  fc.integer({ min: 20_000, max: 1e7 }),
);

const EVENT: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .record({ cost: COST, urgency: fc.integer({ min: 0, max: 7 }) }, { requiredKeys: ['cost'] })
      .chain((asked) => fc.constantFrom<Asked>(asked, asked, { ...asked, remainingSeconds: 3 }))
      .map((asked) => ({ kind: 'arrive' as const, asked })),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('work' as const), batches: fc.integer({ min: 1, max: 300 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cancel' as const), index: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'die' as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('disturb' as const), slowness: fc.constantFrom(0.5, 1, 3, 50, 1000) }) },
);

function apply(machine: Machine, event: Event): void {
  switch (event.kind) {
    case 'arrive':
      machine.arrive(event.asked);
      return;
    case 'work':
      for (let i = 0; i < event.batches; i += 1) machine.step();
      return;
    case 'cancel':
      machine.cancel(event.index);
      return;
    case 'die':
      machine.die();
      return;
    case 'disturb':
      machine.slowness = event.slowness;
  }
}

function checkSums({ outstanding, quick }: Machine): void {
  assert.ok(
    Number.isSafeInteger(outstanding) && outstanding >= 0 && quick >= 0 && quick <= outstanding,
    `${outstanding}, ${quick}`,
  );
}

/** Does all that waits. */
function drain(machine: Machine): void {
  for (let steps = 0; machine.step(); steps += 1) assert.ok(steps < 1e6, 'work that never ends');
  assert.deepEqual([machine.outstanding, machine.quick, machine.calls.size], [0, 0, 0]);
}

const HISTORY = fc.record({
  workers: fc.integer({ min: 1, max: 4 }),
  // Of an honest machine, a starved one, and one that counted wrongly.
  warmUp: fc.constantFrom(TRUE_SPEED, TRUE_SPEED / 20, TRUE_SPEED * 3, Number.NaN, 0),
  events: fc.array(EVENT, { maxLength: 60 }),
});

test('any history: bounds hold, refusals are honest, and everything that was let in is done', () => {
  fc.assert(
    fc.property(HISTORY, ({ workers, warmUp, events }) => {
      const machine = new Machine(workers, warmUp);
      for (const event of events) {
        apply(machine, event);
        checkSums(machine);
      }
      drain(machine);
    }),
    { seed: 15, numRuns: 300 },
  );
});

test('any history: after two seconds of undisturbed work a call of half a queue is let in again', () => {
  fc.assert(
    fc.property(HISTORY, ({ workers, warmUp, events }) => {
      const machine = new Machine(workers, warmUp);
      for (const event of events) apply(machine, event);
      drain(machine);
      machine.slowness = 1;
      for (let i = 0; i < 40 * workers; i += 1) {
        assert.equal(machine.arrive({ cost: 50 }), null, 'an idle machine takes little calls, whatever happened');
        drain(machine);
      }
      assert.equal(machine.arrive({ cost: 0.5 * QUEUE_SECONDS * workers * TRUE_SPEED }), null);
    }),
    { seed: 16, numRuns: 200 },
  );
});

test('a fresh machine takes no more than twice what its warm-up promises, and at least that', () => {
  for (const warmUp of [TRUE_SPEED, TRUE_SPEED / 8]) {
    const most = 0.9 * QUEUE_SECONDS * 2 * warmUp;
    assert.equal(new Machine(1, warmUp).arrive({ cost: Math.floor(most) }), null);
    assert.equal(new Machine(1, warmUp).arrive({ cost: Math.ceil(most) + 1 })!.code, 'too_costly');
  }
});

test('large calls end, however many quick ones come meanwhile', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 20, max: 200 }), (workers, quickCost) => {
      const machine = new Machine(workers, TRUE_SPEED);
      assert.equal(machine.arrive({ cost: 3000 * workers }), null);
      const [large] = machine.calls;
      // Each of its batches, of 50, waits until all lanes had as much.
      const waiting = 200 * workers;
      const most = (2 * 60 * workers * 50 * (waiting / quickCost + 2)) / Math.min(quickCost, 50) + 1000;
      for (let steps = 0; !large!.isOver; steps += 1) {
        while (machine.quick < 200 * workers) assert.equal(machine.arrive({ cost: quickCost }), null, 'quick work is not full');
        machine.step();
        assert.ok(steps < most, 'the large call starves');
      }
    }),
    { seed: 17, numRuns: 12 },
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RerankError } from '../../src/errors.ts';
import { type Asked, admit, type Backlog } from '../../src/rerank/admission.ts';

const IDLE: Backlog = { outstandingCost: 0, quickCost: 0, calls: 0, costPerSecond: 100, peakCostPerSecond: 100, isFresh: false };
const LIMITS = { maxQueueSeconds: 10 };

/** So much large work waits. */
function busy(outstandingCost: number, changes: Partial<Backlog> = {}): Backlog {
  return { ...IDLE, outstandingCost, calls: 1, ...changes };
}

function refusal(asked: Asked, backlog: Backlog, limits = LIMITS): RerankError {
  try {
    admit(asked, backlog, limits);
  } catch (error) {
    assert.ok(error instanceof RerankError, String(error));
    return error;
  }
  assert.fail('let in');
}

test('what could ever fit is let in on an idle machine, and refused with an honest Retry-After on a full one', () => {
  admit({ cost: 900 }, IDLE, LIMITS);
  admit({ cost: 300 }, busy(600), LIMITS);
  const full = refusal({ cost: 400 }, busy(900));
  assert.deepEqual([full.code, full.retryAfterSeconds], ['overloaded', 4]);
  const nearlyFits = refusal({ cost: 890 }, busy(250));
  assert.deepEqual([nearlyFits.code, nearlyFits.retryAfterSeconds], ['overloaded', 3], 'at most until the machine is idle');
  admit({ cost: 1e9 }, busy(1e9), { maxQueueSeconds: Number.POSITIVE_INFINITY });
});

test('a call that could never fit is refused for good, with the bound', () => {
  const refused = refusal({ cost: 901 }, IDLE);
  assert.deepEqual([refused.code, refused.status, refused.retryAfterSeconds], ['too_costly', 413, undefined]);
  assert.match(refused.message, /about 901 tokens.*at most 900 /);
});

test('slow only now: an idle machine takes what it could do at its best, a busy one says when to come back', () => {
  const slow = { costPerSecond: 50, peakCostPerSecond: 100 };
  admit({ cost: 900 }, { ...IDLE, ...slow }, LIMITS);
  assert.equal(refusal({ cost: 450 }, busy(50, slow)).code, 'overloaded');
  assert.equal(refusal({ cost: 901 }, { ...IDLE, ...slow }).code, 'too_costly');
});

test('nobody is told to wait longer than the queue can hold, however slow it looks', () => {
  const collapsed = { costPerSecond: 0.001, peakCostPerSecond: 100 };
  const refused = refusal({ cost: 100 }, busy(500, collapsed));
  assert.deepEqual([refused.code, refused.retryAfterSeconds], ['overloaded', 9]);
});

test('a quick call is measured against quick work, whatever else waits, and quick work has a bound', () => {
  assert.deepEqual(admit({ cost: 20 }, busy(1e6), LIMITS), { quick: true });
  assert.deepEqual(admit({ cost: 20 }, busy(1e6, { quickCost: 980 }), LIMITS), { quick: true });
  const full = refusal({ cost: 20 }, busy(1e6, { quickCost: 981 }));
  assert.deepEqual([full.code, full.retryAfterSeconds], ['overloaded', 1]);
  assert.equal(refusal({ cost: 21 }, busy(900)).code, 'overloaded', 'a larger one waits for all');
});

test('work in the background leaves room for the others, however little it is', () => {
  admit({ cost: 2, urgency: 7 }, busy(498), LIMITS);
  assert.equal(refusal({ cost: 3, urgency: 4 }, busy(498)).code, 'overloaded');
  admit({ cost: 30, urgency: 3 }, busy(498), LIMITS);
  assert.equal(refusal({ cost: 501, urgency: 4 }, IDLE).code, 'too_costly');
});

test('a call that cannot end within its own time is refused: for good, or for now', () => {
  admit({ cost: 200, remainingSeconds: 2 }, IDLE, LIMITS);
  assert.match(refusal({ cost: 201, remainingSeconds: 2 }, IDLE).message, /at most 200 .*2\.0 s that the request has/);
  assert.equal(refusal({ cost: 150, remainingSeconds: 2, workerShare: 0.5 }, IDLE).code, 'too_costly', 'half of the workers');
  assert.equal(refusal({ cost: 150, remainingSeconds: 2 }, busy(500)).code, 'overloaded');
  assert.equal(refusal({ cost: 1, remainingSeconds: 0 }, IDLE).code, 'deadline');
});

test('a call shares with the others: it does not wait for all of a larger one', () => {
  admit({ cost: 50, remainingSeconds: 1 }, busy(500), LIMITS);
  assert.equal(refusal({ cost: 50, remainingSeconds: 0.9 }, busy(500)).code, 'overloaded');
  assert.equal(refusal({ cost: 50, remainingSeconds: 1 }, busy(500, { calls: 2 })).code, 'overloaded');
});

test('a price that is no number is a bug, not a call', () => {
  for (const cost of [Number.NaN, Number.POSITIVE_INFINITY, -1]) {
    for (const backlog of [IDLE, busy(5)]) assert.equal(refusal({ cost }, backlog).code, 'internal');
  }
});

test('an idle machine whose speed was just seen is believed: what it cannot do now is told to come back when it may', () => {
  const slow = { ...IDLE, costPerSecond: 50, peakCostPerSecond: 100, isFresh: true };
  admit({ cost: 440 }, slow, LIMITS);
  const refused = refusal({ cost: 460 }, slow);
  assert.deepEqual([refused.code, refused.retryAfterSeconds], ['overloaded', 1], 'a moment of work too much');
  const twice = refusal({ cost: 900 }, slow);
  assert.deepEqual([twice.code, twice.retryAfterSeconds], ['overloaded', 9]);
  assert.equal(refusal({ cost: 120, remainingSeconds: 2 }, slow).code, 'overloaded', 'nor in its own time');
  admit({ cost: 900 }, { ...slow, isFresh: false }, LIMITS);
});

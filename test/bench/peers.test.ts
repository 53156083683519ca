import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agreement, largestDisagreement, type Ranking, spread } from '../../bench/peers/agreement.ts';
import { parseOptions } from '../../bench/peers/options.ts';
import { medianRatio } from '../../bench/peers/ratios.ts';

const OURS: Ranking = [
  [2, 0.9],
  [0, 0.5],
  [1, 0.1],
];

test('a ranking within the tolerance agrees, and the largest difference is told', () => {
  const theirs: Ranking = [
    [2, 0.90001],
    [0, 0.49995],
    [1, 0.1],
  ];
  assert.ok(Math.abs(agreement(OURS, theirs) - 5e-5) < 1e-9);
  assert.equal(agreement([], []), 0);
});

test('documents of nearly equal scores may change places, others may not', () => {
  const close: Ranking = [
    [0, 0.50005],
    [1, 0.5],
  ];
  assert.ok(agreement(close, [...close].reverse()) === 0);
  assert.throws(() => agreement(OURS, [...OURS].reverse()), /document 0 is ranked too low/);
});

test('a document that is missing, ranked twice, scored differently or not at all is told', () => {
  assert.throws(() => agreement(OURS, OURS.slice(1)), /2 documents ranked instead of 3/);
  assert.throws(() => agreement(OURS, [OURS[0]!, OURS[0]!, OURS[1]!]), /document 2 is unknown or ranked twice/);
  assert.throws(() => agreement(OURS, [OURS[0]!, [0, 0.4], OURS[2]!]), /document 0: score 0.4 instead of 0.5/);
  assert.throws(() => agreement(OURS, [OURS[0]!, [0, Number.NaN], OURS[2]!]), /document 0: score NaN/);
});

test('a system that does other work is named', () => {
  assert.equal(largestDisagreement('twin', [OURS], [OURS]), 0);
  assert.throws(
    () => largestDisagreement('other', [OURS], [[...OURS].reverse()]),
    /other does other work than crossrank: document 0/,
  );
});

test('the spread is that of the scores, in any order', () => {
  assert.equal(spread([...OURS].reverse()), 0.8);
});

test('ratios are taken within rounds', () => {
  assert.equal(medianRatio([10, 200, 30], [1, 100, 15]), 2);
});

test('flags choose the plan; one that is not known is refused', () => {
  assert.equal(parseOptions([]).plan.quick, false);
  assert.equal(parseOptions(['--quick', '--model', 'm']).plan.quick, true);
  assert.throws(() => parseOptions(['--fast']), /--fast/);
});

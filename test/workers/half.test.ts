import assert from 'node:assert/strict';
import { test } from 'node:test';
import { halfToFloat32 } from '../../workers/half.ts';

test('halves of every kind', () => {
  const bits = Uint16Array.of(0x0000, 0x3c00, 0xc000, 0x3555, 0x7bff, 0x0400, 0x0001, 0x7c00, 0xfc00);
  const expected = [0, 1, -2, 0.333251953125, 65504, 2 ** -14, 2 ** -24, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  assert.deepEqual(Array.from(halfToFloat32(bits)), expected);
  assert.ok(Object.is(halfToFloat32(Uint16Array.of(0x8000))[0], -0));
  assert.ok(Number.isNaN(halfToFloat32(Uint16Array.of(0x7e00))[0]));
});

test('values that are decoded already are only widened', () => {
  assert.deepEqual(Array.from(halfToFloat32([0.5, -3])), [0.5, -3]);
});

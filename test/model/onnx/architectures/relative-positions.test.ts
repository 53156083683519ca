// Expected values are torch's: relative_position_bucket of MPNet, make_log_bucket_position of DeBERTa, default rotary
// frequencies.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alibiSlopes } from '../../../../src/model/onnx/architectures/jina-bert.ts';
import { debertaBucket, t5Bucket } from '../../../../src/model/onnx/architectures/relative-buckets.ts';
import { plainFrequencies } from '../../../../src/model/onnx/architectures/rotary.ts';

/** The distances from 0 on at which the bucket changes. */
function changes(bucket: (distance: number) => number, end: number): [distance: number, bucket: number][] {
  const found: [number, number][] = [];
  for (let distance = 0; distance <= end; distance += 1) {
    if (found.at(-1)?.[1] !== bucket(distance)) found.push([distance, bucket(distance)]);
  }
  return found;
}

test("MPNet's buckets", () => {
  const own = Array.from({ length: 9 }, (_, i) => [i, i]);
  const shared = [
    [12, 9],
    [16, 10],
    [23, 11],
    [32, 12],
    [46, 13],
    [64, 14],
    [91, 15],
  ];
  assert.deepEqual(
    changes((distance) => t5Bucket(distance, 32, 128), 1200),
    [...own, ...shared],
  );
  assert.deepEqual(
    [-1, -8, -9, -130, -600].map((distance) => t5Bucket(distance, 32, 128)),
    [17, 24, 24, 31, 31],
  );
});

test("DeBERTa's buckets", () => {
  const own = Array.from({ length: 18 }, (_, i) => [i, i]);
  const shared = [
    [21, 18],
    [26, 19],
    [32, 20],
    [41, 21],
    [51, 22],
    [64, 23],
    [81, 24],
    [102, 25],
    [128, 26],
    [162, 27],
    [203, 28],
  ];
  const far = [
    [256, 29],
    [322, 30],
    [406, 31],
    [512, 32],
    [644, 33],
    [811, 34],
    [1022, 35],
  ];
  assert.deepEqual(
    changes((distance) => debertaBucket(distance, 32, 512), 1200),
    [...own, ...shared, ...far],
  );
  const places = [128, 129, 131, 133, 155, 256, 258, 500, 506, 512, 517, 600];
  const buckets = [128, 129, 131, 132, 146, 192, 193, 254, 255, 256, 257, 270];
  assert.deepEqual(
    places.map((distance) => debertaBucket(distance, 256, 512)),
    buckets,
  );
  assert.deepEqual(
    places.map((distance) => debertaBucket(-distance, 256, 512)),
    buckets.map((bucket) => -bucket),
  );
});

test('rotary frequencies, to the last bit', () => {
  const picked = (base: number, size: number): number[] => {
    const all = plainFrequencies(base, size);
    assert.equal(all.length, size / 2);
    return [all[0]!, all[1]!, all[7]!, all.at(-1)!];
  };
  assert.deepEqual(picked(10000, 64), [1, 0.7498942017555237, 0.1333521455526352, 0.0001333521504420787]);
  assert.deepEqual(picked(160000, 64), [1, 0.687656044960022, 0.07271077483892441, 9.088847036764491e-6]);
  assert.deepEqual(picked(1e6, 128), [1, 0.8058422207832336, 0.22067339718341827, 1.2409377632138785e-6]);
});

test("slopes of Jina's heads: a series for powers of two, every other one of the next for the rest", () => {
  assert.deepEqual(
    alibiSlopes(8),
    [1, 2, 3, 4, 5, 6, 7, 8].map((power) => 2 ** -power),
  );
  const twelve = alibiSlopes(12);
  assert.equal(twelve.length, 12);
  assert.deepEqual(twelve.slice(0, 8), alibiSlopes(8));
  assert.deepEqual(
    twelve.slice(8).map((slope) => slope.toFixed(6)),
    ['0.707107', '0.353553', '0.176777', '0.088388'],
  );
});

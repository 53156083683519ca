// Bounds of structure: each holds at its very value, wherever chunks end, and before the rest of the body is looked at.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BodyLimits, bodyLimits, checkRatio } from '../../../src/http/body/body-limits.ts';
import { JsonScanner } from '../../../src/http/body/json-scanner.ts';

const LIMITS: BodyLimits = { bytes: 1000, depth: 3, values: 8, valuesOfPart: 4, keysOfObject: 2, newKeys: 1e9 };

function scan(text: string, limits = LIMITS, chunkBytes = 1): JsonScanner {
  const scanner = new JsonScanner(limits);
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += chunkBytes) scanner.scan(bytes.subarray(at, at + chunkBytes));
  scanner.end();
  return scanner;
}

const BOUNDS = [
  ['{"a":[[0]]}', '{"a":[[[0]]]}', 'validation', /deeper than 3 levels/],
  ['{"a":[0,0,0,0,0,0]}', '{"a":[0,0,0,0,0,0,0]}', 'payload_too_large', /more than 8 values/],
  ['{"a":"x","b":{"c":1}}', '{"a":"x","b":{"c":1,"d":2}}', 'payload_too_large', /a part of the body/],
  ['{"a":[[0,0,0],[0]]}', '{"a":[[0,0,0,0]]}', 'payload_too_large', /a part of the body/],
  ['[0,0,0]', '[0,0,0,0]', 'payload_too_large', /a part of the body/],
  ['{"a":1,"b":2}', '{"a":1,"b":2,"a":3}', 'payload_too_large', /more than 2 keys/],
] as const;

test('each bound holds at its value and breaks above it', () => {
  for (const [within, above, code, message] of BOUNDS) {
    for (const chunkBytes of [1, 2, 3, 1000]) {
      assert.doesNotThrow(() => scan(within, LIMITS, chunkBytes), within);
      assert.throws(() => scan(above, LIMITS, chunkBytes), { code, message }, above);
    }
  }
});

test('brackets and names inside strings are text', () => {
  const text = JSON.stringify({ a: ['[[[[{{{{', '\\', '"', '\\"[', ']}'] });
  for (const chunkBytes of [1, 2, 5, 1000]) {
    const { lists, objects, texts } = scan(text, LIMITS, chunkBytes);
    assert.deepEqual({ lists, objects, texts }, { lists: 1, objects: 1, texts: 5 });
  }
});

test('nothing behind a bracket that does not match, or behind the end, is looked at', () => {
  const endless = '['.repeat(100);
  for (const [text, brokenAt] of [
    [`{"a":[1}${endless}`, 7],
    [`{"a":1}]${endless}`, 7],
    [`]${endless}`, 0],
    [`{"a":1} {${endless}`, 8],
    [`1 "${endless}"`, 2],
  ] as const) {
    for (const chunkBytes of [1, 1000]) assert.equal(scan(text, LIMITS, chunkBytes).brokenAt, brokenAt, text);
  }
});

test('objects alike cost their keys once; new ones, and numbers, each time', () => {
  const wide: BodyLimits = { bytes: 1e9, depth: 5, values: 1e9, valuesOfPart: 1e9, keysOfObject: 1e9, newKeys: 1e9 };
  const list = (entry: (index: number) => string) => `[${Array.from({ length: 1000 }, (_, index) => entry(index)).join(',')}]`;
  const newKeys = (entry: (index: number) => string) => scan(list(entry), wide, 64).newKeys;
  assert.ok(newKeys(() => '{"id":1,"text":"t","url":"u"}') < 50);
  assert.ok(newKeys((index) => `{"k${index}":1}`) > 990);
  assert.equal(
    newKeys(() => '{"17":1}'),
    1000,
  );
});

test('the bounds follow the most documents a request may have', () => {
  const values = (maxClientBatchSize: number) => bodyLimits({ payloadLimitBytes: 1, maxClientBatchSize }).values;
  assert.deepEqual([values(1), values(10_000), values(100_000)], [100_000, 1_000_000, 10_000_000]);
});

test('a body may inflate to a MiB, and then to a hundred times its compressed size', () => {
  checkRatio(1, 1_048_576);
  checkRatio(10_000, 1_048_576 + 1_000_000);
  assert.throws(() => checkRatio(10_000, 1_048_577 + 1_000_000), { code: 'payload_too_large' });
});

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { RerankError } from '../../../../src/errors.ts';
import { readHeader } from '../../../../src/model/onnx/safetensors/header.ts';
import { temporaryDirectory } from '../../../helpers/onnx-graph.ts';
import { float32Tensor, safetensorsBytes, writeSafetensors } from '../../../helpers/safetensors.ts';

function fileOf(t: TestContext, bytes: Uint8Array): string {
  const path = join(temporaryDirectory(t), 'model.safetensors');
  writeFileSync(path, bytes);
  return path;
}

function entry(start: number, end: number, shape: readonly unknown[] = [(end - start) / 4], dtype: unknown = 'F32'): unknown {
  return { dtype, shape, data_offsets: [start, end] };
}

function withLength(length: bigint, rest = Buffer.alloc(100)): Buffer {
  const head = Buffer.alloc(8);
  head.writeBigUInt64LE(length);
  return Buffer.concat([head, rest]);
}

test('tensors are given in the order of their bytes, with places from the start of the file', (t) => {
  const path = join(temporaryDirectory(t), 'model.safetensors');
  writeSafetensors(path, {
    second: float32Tensor([2, 1], [1, 2]),
    empty: float32Tensor([0, 3], []),
    one: float32Tensor([], [7]),
  });
  const entries = readHeader(path);
  const start = entries[0]!.offset;
  assert.deepEqual(entries, [
    { name: 'second', type: 'F32', dims: [2, 1], offset: start, byteLength: 8 },
    { name: 'empty', type: 'F32', dims: [0, 3], offset: start + 8, byteLength: 0 },
    { name: 'one', type: 'F32', dims: [], offset: start + 8, byteLength: 4 },
  ]);
});

describe('a file is refused that is', () => {
  const eight = new Uint8Array(8);
  const cases: Readonly<Record<string, readonly [bytes: Uint8Array, message: RegExp]>> = {
    'of no bytes': [new Uint8Array(0), /not a safetensors file, it has 0 bytes/],
    'a Git LFS pointer': [Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n'), /Git LFS pointer/],
    'a web page': [Buffer.from('<!DOCTYPE html><html><body>Not found</body></html>'), /web page/],
    'a pickle in its archive': [Buffer.from('PK\x03\x04 and more, and more'), /zip archive/],
    'of a header above the limit': [withLength(2n ** 63n), /its header would have 9223372036854775808 bytes/],
    'of a header longer than itself': [withLength(101n), /cut short, its header alone has 101 bytes of 108/],
    'of a header that is no JSON': [safetensorsBytes('{"a":'), /not a safetensors file, or damaged/],
    'of a header that is not UTF-8': [withLength(1n, Buffer.from([0xff])), /not a safetensors file, or damaged/],
    'of a header that is a list': [safetensorsBytes([]), /its header is no object/],
    'of a tensor without description': [safetensorsBytes({ a: null }), /'a' is not described/],
    'of an unknown data type': [safetensorsBytes({ a: entry(0, 8, [2], 'F31') }, eight), /'a' has the data type "F31"/],
    'of a data type that is no text': [safetensorsBytes({ a: entry(0, 8, [2], 7) }, eight), /'a' has the data type 7/],
    'of a shape that is none': [
      safetensorsBytes({ a: { dtype: 'F32', shape: 2, data_offsets: [0, 8] } }, eight),
      /has the shape 2/,
    ],
    'of a negative size': [safetensorsBytes({ a: entry(0, 8, [-1, -2]) }, eight), /'a' has the shape \[-1,-2\]/],
    'of half a size': [safetensorsBytes({ a: entry(0, 8, [0.5, 4]) }, eight), /'a' has the shape/],
    'of a size too large for integers': [safetensorsBytes({ a: entry(0, 8, [2 ** 53]) }, eight), /'a' has the shape/],
    'of sizes whose product is too large': [
      safetensorsBytes({ a: entry(0, 8, [2 ** 52, 2 ** 52]) }, eight),
      /8 bytes are stored/,
    ],
    'of a shape that is not its bytes': [safetensorsBytes({ a: entry(0, 8, [3]) }, eight), /'a' is F32 \[3\], but 8 bytes/],
    'of a place that is none': [
      safetensorsBytes({ a: { dtype: 'F32', shape: [2], data_offsets: [0] } }, eight),
      /'a' lies at \[0\]/,
    ],
    'of a place turned around': [
      safetensorsBytes({ a: { dtype: 'F32', shape: [2], data_offsets: [8, 0] } }, eight),
      /'a' lies at/,
    ],
    'of tensors that overlap': [safetensorsBytes({ a: entry(0, 8), b: entry(4, 8) }, eight), /'b' overlaps/],
    'of tensors with a gap': [safetensorsBytes({ a: entry(0, 4), b: entry(8, 12) }, new Uint8Array(12)), /'b' leaves a gap/],
    'cut short': [safetensorsBytes({ a: entry(0, 12) }, eight), /cut short, 4 bytes of weights are missing/],
    'longer than its tensors': [safetensorsBytes({ a: entry(0, 4) }, eight), /4 bytes follow the last tensor/],
  };
  for (const [name, [bytes, message]] of Object.entries(cases)) {
    test(name, (t) => {
      const path = fileOf(t, bytes);
      assert.throws(
        () => readHeader(path),
        (error) => {
          assert.ok(error instanceof RerankError);
          assert.equal(error.code, 'model_files');
          assert.match(error.message, message);
          return true;
        },
      );
    });
  }
});

test('any bytes in place of the header give places inside the file, or an error of ours', (t) => {
  const path = join(temporaryDirectory(t), 'model.safetensors');
  const number = fc.oneof(fc.integer({ min: -2, max: 40 }), fc.constantFrom(0.5, 2 ** 53, 1e300, '8', null));
  const described = fc.record({
    dtype: fc.constantFrom('F32', 'F16', 'U8', 'x', 3),
    shape: fc.array(number, { maxLength: 3 }),
    data_offsets: fc.array(number, { maxLength: 3 }),
  });
  const header = fc.dictionary(
    fc.constantFrom('a', 'b', '__proto__', 'c'),
    fc.oneof({ weight: 5, arbitrary: described }, { weight: 1, arbitrary: fc.jsonValue() }),
  );
  const file = fc.tuple(header, fc.nat(40)).map(([parts, length]) => safetensorsBytes(parts, new Uint8Array(length)));
  fc.assert(
    fc.property(fc.oneof(file, fc.uint8Array({ maxLength: 60 })), (bytes) => {
      writeFileSync(path, bytes);
      try {
        for (const { offset, byteLength } of readHeader(path)) assert.ok(offset >= 8 && offset + byteLength <= bytes.length);
      } catch (error) {
        assert.ok(error instanceof RerankError && error.code === 'model_files', String(error));
      }
    }),
    { seed: 17, numRuns: 500 },
  );
});

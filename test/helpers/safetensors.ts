// Safetensors files made in memory, whole and damaged.

import { writeFileSync } from 'node:fs';

export interface TensorParts {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** A header and what follows it, as they stand. */
export function safetensorsBytes(header: unknown, data: Uint8Array = new Uint8Array(0)): Buffer {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, data]);
}

/** Writes tensors one after another, as the format's own libraries do. */
export function writeSafetensors(path: string, tensors: Readonly<Record<string, TensorParts>>): void {
  let end = 0;
  const entries = Object.entries(tensors).map(([name, { dtype, shape, bytes }]) => {
    const start = end;
    end += bytes.length;
    return [name, { dtype, shape, data_offsets: [start, end] }] as const;
  });
  const header = { __metadata__: { format: 'pt' }, ...Object.fromEntries(entries) };
  writeFileSync(path, safetensorsBytes(header, Buffer.concat(Object.values(tensors).map(({ bytes }) => bytes))));
}

export function float32Tensor(shape: readonly number[], values: Iterable<number>): TensorParts {
  return { dtype: 'F32', shape, bytes: new Uint8Array(Float32Array.from(values).buffer) };
}

// A weight as a graph wants it: float32, whole or some of its rows, read from its file in pieces.

import { RerankError } from '../../../errors.ts';
import { elementCount } from '../constant-tensor.ts';
import { FileRange, type TensorSource } from '../tensor-source.ts';
import { FLOAT_TYPES, floatDecoder } from './element-types.ts';
import type { TensorEntry } from './header.ts';

/** A tensor of a checkpoint. */
export interface WeightTensor {
  readonly name: string;
  readonly dims: readonly number[];
  /** Its values as float32, row-major. @throws RerankError `model_files` when it is not stored as floats */
  floats(): TensorSource;
  /** Rows `[start, start + count)`: of one product that is stored as one matrix and computed as several. */
  rows(start: number, count: number): WeightTensor;
}

/** A range of a safetensors file. */
export class StoredTensor implements WeightTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly #path: string;
  readonly #entry: TensorEntry;

  constructor(path: string, entry: TensorEntry) {
    this.name = entry.name;
    this.dims = entry.dims;
    this.#path = path;
    this.#entry = entry;
  }

  floats(): TensorSource {
    const { name, type, offset, byteLength } = this.#entry;
    const decode = floatDecoder(type);
    if (decode === undefined)
      throw new RerankError('model_files', `${this.#path}: '${name}' is stored as ${type}; weights are read from ${FLOAT_TYPES}`);
    const range = new FileRange(this.#path, offset, byteLength);
    return type === 'F32' ? range : new WidenedSource(range, 4 * elementCount(this.dims), decode);
  }

  rows(start: number, count: number): WeightTensor {
    const { dims, byteLength, offset } = this.#entry;
    const rowBytes = byteLength / dims[0]!;
    return new StoredTensor(this.#path, {
      ...this.#entry,
      name: `${this.name}[${start}:${start + count}]`,
      dims: [count, ...dims.slice(1)],
      offset: offset + start * rowBytes,
      byteLength: count * rowBytes,
    });
  }
}

/** Elements of another float type, widened (or, from 64 bits, rounded) piece by piece. */
class WidenedSource implements TensorSource {
  readonly byteLength: number;
  readonly #source: TensorSource;
  readonly #decode: (bytes: Uint8Array) => Float32Array;

  constructor(source: TensorSource, byteLength: number, decode: (bytes: Uint8Array) => Float32Array) {
    this.#source = source;
    this.byteLength = byteLength;
    this.#decode = decode;
  }

  *chunks(): Generator<Uint8Array, void> {
    for (const piece of this.#source.chunks()) {
      const { buffer, byteOffset, byteLength } = this.#decode(piece);
      yield new Uint8Array(buffer, byteOffset, byteLength);
    }
  }
}

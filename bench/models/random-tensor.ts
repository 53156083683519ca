// Float32 tensors of seeded normal numbers that are computed while they are written.

import type { TensorSource } from '../../src/model/onnx/tensor-source.ts';
import { normal } from '../random.ts';

const CHUNK_VALUES = 2 ** 18;

/** `count` values of mean + deviation x standard normal. */
export class RandomTensor implements TensorSource {
  readonly byteLength: number;
  readonly #count: number;
  readonly #draw: { readonly seed: number; readonly mean: number; readonly deviation: number };

  constructor(count: number, draw: { readonly seed: number; readonly mean: number; readonly deviation: number }) {
    this.byteLength = 4 * count;
    this.#count = count;
    this.#draw = draw;
  }

  *chunks(): Generator<Uint8Array, void> {
    const { seed, mean, deviation } = this.#draw;
    const next = normal(seed);
    const values = new Float32Array(Math.min(CHUNK_VALUES, this.#count));
    for (let done = 0; done < this.#count; done += values.length) {
      const piece = values.subarray(0, Math.min(values.length, this.#count - done));
      for (let i = 0; i < piece.length; i += 1) piece[i] = mean + deviation * next();
      yield new Uint8Array(piece.buffer, 0, piece.byteLength);
    }
  }
}

// Rows of a matrix in another order: of weights that are stored interleaved and computed apart.

import type { TensorSource } from '../tensor-source.ts';
import { collect } from './turned-source.ts';
import type { WeightTensor } from './weight-tensor.ts';

/** Large enough for a disk, small beside any model. */
const PIECE_FLOATS = 2 ** 20;

/** @param label tells these rows from others of the same tensor */
export function pickRows(tensor: WeightTensor, rows: readonly number[], label: string): WeightTensor {
  const width = tensor.dims[1]!;
  return {
    name: `${tensor.name}[${label}]`,
    dims: [rows.length, width],
    floats: () => new PickedSource(tensor.floats(), rows, width),
    rows: (start, count) => pickRows(tensor, rows.slice(start, start + count), `${label} ${start}:${start + count}`),
  };
}

/** Holds the whole matrix in memory while its pieces are asked for, and not longer. */
class PickedSource implements TensorSource {
  readonly byteLength: number;
  readonly #source: TensorSource;
  readonly #rows: readonly number[];
  readonly #width: number;

  constructor(source: TensorSource, rows: readonly number[], width: number) {
    this.#source = source;
    this.#rows = rows;
    this.#width = width;
    this.byteLength = 4 * rows.length * width;
  }

  *chunks(): Generator<Uint8Array, void> {
    const matrix = collect(this.#source);
    const [rows, width] = [this.#rows, this.#width];
    const step = Math.max(1, Math.floor(PIECE_FLOATS / width));
    for (let first = 0; first < rows.length; first += step) {
      const picked = rows.slice(first, first + step);
      const piece = new Float32Array(picked.length * width);
      picked.forEach((row, i) => {
        piece.set(matrix.subarray(row * width, (row + 1) * width), i * width);
      });
      yield new Uint8Array(piece.buffer);
    }
  }
}

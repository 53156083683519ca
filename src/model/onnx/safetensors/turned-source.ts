// A float32 matrix with rows and columns exchanged, turned when it is written.

import type { TensorSource } from '../tensor-source.ts';

/** Large enough for a disk, small beside any model. */
const PIECE_FLOATS = 2 ** 20;

/** Rows that are read together, so that what is written of a column fills cache lines. */
const TILE_ROWS = 64;

/** Holds the whole matrix in memory while its pieces are asked for, and not longer. */
export class TurnedSource implements TensorSource {
  readonly byteLength: number;
  readonly #source: TensorSource;
  readonly #rows: number;
  readonly #columns: number;

  /** @param source float32 `[rows, columns]` */
  constructor(source: TensorSource, rows: number, columns: number) {
    this.#source = source;
    this.byteLength = source.byteLength;
    this.#rows = rows;
    this.#columns = columns;
  }

  *chunks(): Generator<Uint8Array, void> {
    const matrix = collect(this.#source);
    const step = Math.max(1, Math.floor(PIECE_FLOATS / this.#rows));
    for (let column = 0; column < this.#columns; column += step) {
      const count = Math.min(step, this.#columns - column);
      yield new Uint8Array(this.#turn(matrix, column, count).buffer);
    }
  }

  /** Columns `[first, first + count)` as rows. */
  #turn(matrix: Float32Array, first: number, count: number): Float32Array<ArrayBuffer> {
    const [rows, columns] = [this.#rows, this.#columns];
    const turned = new Float32Array(rows * count);
    for (let tile = 0; tile < rows; tile += TILE_ROWS) {
      const end = Math.min(tile + TILE_ROWS, rows);
      for (let column = 0; column < count; column += 1)
        for (let row = tile; row < end; row += 1) turned[column * rows + row] = matrix[row * columns + first + column]!;
    }
    return turned;
  }
}

/** All values of a float32 source. */
export function collect(source: TensorSource): Float32Array {
  const bytes = new Uint8Array(source.byteLength);
  let done = 0;
  for (const piece of source.chunks()) {
    bytes.set(piece, done);
    done += piece.length;
  }
  return new Float32Array(bytes.buffer);
}

// Bytes of a tensor that are not held in memory: a range of a file, or computed when they are wanted.

import { closeSync, readSync } from 'node:fs';
import { RerankError } from '../../errors.ts';
import { MAX_WEIGHT_BYTES, openRegularFile } from '../regular-file.ts';

/** Little-endian row-major bytes of one tensor, read piece by piece. */
export interface TensorSource {
  readonly byteLength: number;
  /** All bytes in order, in pieces of at most some MiB. A piece is valid until the next one is asked for. */
  chunks(): Iterable<Uint8Array>;
}

/** Large enough for a disk, small beside any model. */
const CHUNK_BYTES = 4 * 2 ** 20;

/** A range of a file; the file is open only while it is read. */
export class FileRange implements TensorSource {
  readonly path: string;
  readonly offset: number;
  readonly byteLength: number;

  constructor(path: string, offset: number, byteLength: number) {
    this.path = path;
    this.offset = offset;
    this.byteLength = byteLength;
  }

  *chunks(): Generator<Uint8Array, void> {
    const file = openRegularFile(this.path, MAX_WEIGHT_BYTES);
    try {
      const buffer = new Uint8Array(Math.min(CHUNK_BYTES, this.byteLength));
      for (let done = 0; done < this.byteLength; ) {
        const piece = buffer.subarray(0, Math.min(CHUNK_BYTES, this.byteLength - done));
        readFully(file, piece, this.offset + done, this.path);
        yield piece;
        done += piece.length;
      }
    } finally {
      closeSync(file);
    }
  }

  /** Bytes `[start, start + length)` of the range. @throws RerankError `model_files` when the file is shorter */
  read(start: number, length: number): Uint8Array {
    const file = openRegularFile(this.path, MAX_WEIGHT_BYTES);
    try {
      const bytes = new Uint8Array(length);
      readFully(file, bytes, this.offset + start, this.path);
      return bytes;
    } finally {
      closeSync(file);
    }
  }
}

/** Fills `target` from the file. @throws RerankError `model_files` when the file ends before */
export function readFully(file: number, target: Uint8Array, position: number, path: string): void {
  for (let done = 0; done < target.length; ) {
    const count = readSync(file, target, done, target.length - done, position + done);
    if (count === 0) {
      throw new RerankError(
        'model_files',
        `${path} is cut short: bytes ${position} to ${position + target.length} are not there`,
      );
    }
    done += count;
  }
}

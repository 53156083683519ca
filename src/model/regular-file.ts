// Opens only regular files, links followed: a pipe would wait for ever, and a device has no end.

import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { RerankError } from '../errors.ts';

/** More than any file of weights; /proc/kcore and holes in files show sizes without end. */
export const MAX_WEIGHT_BYTES = 2 ** 40;

/** A pipe that nobody writes to would block the open itself. */
const READ_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * Size and times of a file.
 *
 * @throws RerankError `model_files` when there is none, or it is no regular file, or it is larger than `maxBytes`
 */
export function statRegularFile(path: string, maxBytes: number): Stats {
  try {
    return checked(path, statSync(path), maxBytes);
  } catch (error) {
    throw toModelError(path, error);
  }
}

/** A descriptor to read from; the caller closes it. @throws as {@link statRegularFile} */
export function openRegularFile(path: string, maxBytes: number): number {
  statRegularFile(path, maxBytes); // before it is opened: opening a device may already do something
  let file: number | null = null;
  try {
    file = openSync(path, READ_FLAGS);
    checked(path, fstatSync(file), maxBytes);
    return file;
  } catch (error) {
    if (file !== null) closeSync(file);
    throw toModelError(path, error);
  }
}

/** The text of a small file. @throws as {@link statRegularFile} */
export function readRegularFile(path: string, maxBytes: number): string {
  const file = openRegularFile(path, maxBytes);
  try {
    const bytes = Buffer.alloc(fstatSync(file).size);
    let length = 0;
    for (let count = -1; count !== 0 && length < bytes.length; length += count)
      count = readSync(file, bytes, length, bytes.length - length, length);
    return bytes.toString('utf8', 0, length);
  } catch (error) {
    throw toModelError(path, error);
  } finally {
    closeSync(file);
  }
}

function checked(path: string, stats: Stats, maxBytes: number): Stats {
  if (!stats.isFile()) throw new RerankError('model_files', `cannot open ${path}: it is ${kindOf(stats)}, not a file`);
  if (stats.size <= maxBytes) return stats;
  throw new RerankError('model_files', `cannot open ${path}: it has ${stats.size} bytes, and at most ${maxBytes} are read`);
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a directory';
  if (stats.isFIFO()) return 'a pipe';
  if (stats.isSocket()) return 'a socket';
  return 'a device';
}

function toModelError(path: string, error: unknown): RerankError {
  if (error instanceof RerankError) return error;
  return new RerankError('model_files', `cannot open ${path}: ${(error as Error).message}`, { cause: error });
}

// SHA-256 of weight files. Gigabytes are hashed once: while size, times and inode stay the same, the stored digest holds.

import { createHash } from 'node:crypto';
import { createReadStream, realpathSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { checkedOnnxModel } from '../onnx/check-weights.ts';
import { MAX_WEIGHT_BYTES, statRegularFile } from '../regular-file.ts';
import { makeDirectory, writeFileWhole } from '../whole-file.ts';

/** One file and what is in it. */
export interface HashedFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

interface Stamp {
  readonly bytes: number;
  /** Nanoseconds, as text because JSON has no such integers. */
  readonly modified: string;
  /** When bytes or names were last changed: unlike `modified`, no program can set it. */
  readonly changed: string;
  readonly inode: string;
}

export interface StampedFile extends HashedFile, Stamp {}

/** Digests of files, kept as one small file for each set of files that is asked for together. */
export class DigestStore {
  readonly #directory: string;

  /** @param directory a read-only one only costs the time to hash again */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Hashes an ONNX file and the files its weights lie in.
   *
   * @throws RerankError `model_files` when the file is not ONNX, or its weights are not where it says
   */
  async ofModel(onnxFile: string, signal?: AbortSignal): Promise<readonly HashedFile[]> {
    return (await this.#known(onnxFile)) ?? this.#hash(onnxFile, checkedOnnxModel(onnxFile).files, signal);
  }

  /**
   * Hashes named files of a directory, in the order of the names.
   *
   * @throws what the disk says; RerankError `model_files` when one is no regular file
   */
  async ofDirectory(directory: string, names: readonly string[], signal?: AbortSignal): Promise<readonly HashedFile[]> {
    const known = await this.#known(directory);
    if (known?.map(({ path }) => basename(path)).join('/') === names.join('/')) return known;
    return this.#hash(
      directory,
      names.map((name) => join(directory, name)),
      signal,
    );
  }

  /** Keeps digests that are known from writing the files. */
  async remember(place: string, files: readonly StampedFile[]): Promise<void> {
    await makeDirectory(this.#directory)
      .then(() => writeFileWhole(this.#record(place), JSON.stringify(files, null, 1)))
      .catch(() => {});
  }

  /** What was hashed before, when nothing has touched the files since. */
  async #known(place: string): Promise<readonly HashedFile[] | null> {
    const known = await readRecord(this.#record(place));
    return known !== null && (await Promise.all(known.map(isUnchanged))).every(Boolean) ? known : null;
  }

  async #hash(place: string, paths: readonly string[], signal?: AbortSignal): Promise<readonly HashedFile[]> {
    const files: StampedFile[] = [];
    for (const path of paths) files.push(await hashStamped(path, signal));
    await this.remember(place, files);
    return files;
  }

  #record(place: string): string {
    return join(this.#directory, `${createHash('sha256').update(realpathSync(place)).digest('hex').slice(0, 32)}.json`);
  }
}

/** A file's digest, and its stamp from before it was read: a file that changes meanwhile will not match it. */
export async function hashStamped(path: string, signal?: AbortSignal): Promise<StampedFile> {
  const stamp = await stampOf(path);
  return { path, ...stamp, sha256: await sha256OfFile(path, signal) };
}

/** @throws RerankError `model_files` when it is no regular file */
export async function sha256OfFile(path: string, signal?: AbortSignal): Promise<string> {
  statRegularFile(path, MAX_WEIGHT_BYTES);
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 2 ** 20 }), hash, { signal });
  return hash.digest('hex');
}

async function readRecord(path: string): Promise<StampedFile[] | null> {
  try {
    const files = JSON.parse(await readFile(path, 'utf8')) as StampedFile[];
    const whole = files.length > 0 && files.every((file) => typeof file.path === 'string' && /^[0-9a-f]{64}$/.test(file.sha256));
    return whole ? files : null;
  } catch {
    return null;
  }
}

async function isUnchanged(file: StampedFile): Promise<boolean> {
  const now = await stampOf(file.path).catch(() => null);
  if (now === null) return false;
  const keys = ['bytes', 'modified', 'changed', 'inode'] as const;
  return keys.every((key) => now[key] === file[key]);
}

async function stampOf(path: string): Promise<Stamp> {
  const { size, mtimeNs, ctimeNs, ino } = await stat(path, { bigint: true });
  return { bytes: Number(size), modified: String(mtimeNs), changed: String(ctimeNs), inode: String(ino) };
}

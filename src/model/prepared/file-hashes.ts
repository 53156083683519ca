// SHA-256 of a model's weight files. Gigabytes are hashed once: while size, time and inode stay the same, the stored digest holds.

import { createHash } from 'node:crypto';
import { createReadStream, realpathSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { readOnnxModel } from '../onnx/onnx-model.ts';
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
  readonly inode: string;
}

interface StampedFile extends HashedFile, Stamp {}

/**
 * Hashes an ONNX file and the files its weights lie in.
 *
 * @param directory where digests are kept; a read-only one only costs the time to hash again
 * @throws RerankError `model_files` when the file is not ONNX
 */
export async function hashModelFiles(onnxFile: string, directory: string, signal?: AbortSignal): Promise<HashedFile[]> {
  const record = join(directory, `${createHash('sha256').update(realpathSync(onnxFile)).digest('hex').slice(0, 32)}.json`);
  const known = await readRecord(record);
  if (known !== null && (await Promise.all(known.map(isUnchanged))).every(Boolean)) return known;
  const files: StampedFile[] = [];
  for (const path of readOnnxModel(onnxFile).files) {
    const stamp = await stampOf(path); // before hashing: a file that changes meanwhile will not match
    files.push({ path, ...stamp, sha256: await sha256OfFile(path, signal) });
  }
  await makeDirectory(directory)
    .then(() => writeFileWhole(record, JSON.stringify(files, null, 1)))
    .catch(() => {});
  return files;
}

export async function sha256OfFile(path: string, signal?: AbortSignal): Promise<string> {
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
  return now !== null && now.bytes === file.bytes && now.modified === file.modified && now.inode === file.inode;
}

async function stampOf(path: string): Promise<Stamp> {
  const { size, mtimeNs, ino } = await stat(path, { bigint: true });
  return { bytes: Number(size), modified: String(mtimeNs), inode: String(ino) };
}

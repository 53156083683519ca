// Prepared copies on disk: one directory a key, published by rename, checked when found, evicted when old. Knows files, not models.

import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, statfs, utimes } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { RerankError } from '../../errors.ts';
import type { WeightsCheck } from '../../protocol.ts';
import { readJsonFile } from '../checked-json.ts';
import { makeDirectory, syncPath, writeFileWhole } from '../whole-file.ts';
import { type CopyFacts, copyKey } from './copy-key.ts';
import { DigestStore, type HashedFile, hashStamped, type StampedFile, sha256OfFile } from './file-hashes.ts';

/** `manifest.json` of a copy. */
export interface CopyManifest {
  readonly key: string;
  /** Name of the model, for people. */
  readonly model: string;
  /** The ONNX file the copy was made from. */
  readonly source: string;
  readonly facts: CopyFacts;
  readonly created: string;
  /** The file to open, inside the directory. */
  readonly onnxFile: string;
  /** Names inside the directory. */
  readonly files: readonly HashedFile[];
  readonly check: WeightsCheck;
}

/** A copy that is there and whole. */
export interface PreparedCopy {
  readonly directory: string;
  readonly manifest: CopyManifest;
}

const MANIFEST = 'manifest.json';
const MAKING = '.making-';

/** A manifest has some thousand. */
const MAX_MANIFEST_BYTES = 2 ** 20;

const DAY_MS = 86_400_000;
/** Copies no start has used for this long go. */
const UNUSED_MS = 30 * DAY_MS;
/** A temporary directory nothing was written to for this long belongs to a process that died. */
const ABANDONED_MS = 3_600_000;

export class CopyStore {
  readonly directory: string;
  readonly #digests: DigestStore;

  /**
   * @param directory holds one directory a copy; made when the first copy is written
   * @param digests   remembers which files were verified
   */
  constructor(directory: string, digests = new DigestStore(join(directory, '..', 'digests'))) {
    this.directory = directory;
    this.#digests = digests;
  }

  /** The copy of these facts whose manifest reads well and whose files have their sizes; null when there is none. */
  async find(model: string, facts: CopyFacts): Promise<PreparedCopy | null> {
    const directory = this.#place(model, facts);
    const manifest = await readManifest(directory);
    if (manifest === null || manifest.key !== copyKey(facts) || !(await haveSizes(directory, manifest))) return null;
    await touch(directory).catch(() => {});
    return { directory, manifest };
  }

  /**
   * Names of files whose bytes are not the ones that were written. Reads all of a copy that was never read, or has changed since; then only
   * sizes, times and inodes.
   */
  async damaged({ directory, manifest: { files } }: PreparedCopy, signal?: AbortSignal): Promise<string[]> {
    const names = files.map(({ path }) => path);
    const actual = await this.#digests.ofDirectory(directory, names, signal).catch((error: unknown) => {
      if (signal?.aborted === true) throw error;
      return null; // gone, or not readable, or no longer files
    });
    return files.filter(({ sha256 }, i) => actual?.[i]?.sha256 !== sha256).map(({ path }) => path);
  }

  /** An empty directory to write a copy into. @throws when nothing can be written there */
  async begin(): Promise<string> {
    await makeDirectory(this.directory);
    const directory = join(this.directory, `${MAKING}${randomUUID()}`);
    await mkdir(directory);
    return directory;
  }

  /**
   * Makes a written directory the copy of its facts. When another process was faster, its copy is taken and ours thrown away.
   *
   * @param written from {@link begin}, holding the files of `manifest` and nothing else
   */
  async publish(written: string, manifest: Omit<CopyManifest, 'key' | 'files' | 'created'>): Promise<PreparedCopy> {
    const stamped: StampedFile[] = [];
    for (const name of (await readdir(written)).sort()) {
      await syncPath(join(written, name));
      stamped.push(await hashStamped(join(written, name)));
    }
    const files = stamped.map(({ path, bytes, sha256 }) => ({ path: basename(path), bytes, sha256 }));
    const key = copyKey(manifest.facts);
    const whole: CopyManifest = { key, ...manifest, created: new Date().toISOString(), files };
    await writeFileWhole(join(written, MANIFEST), `${JSON.stringify(whole)}\n`);
    const copy = await this.#settle(written, whole);
    // Of another process's copy nothing is known yet: stamps that are not its own do no harm.
    const moved = stamped.map((file) => ({ ...file, path: join(copy.directory, basename(file.path)) }));
    await this.#digests.remember(copy.directory, moved);
    return copy;
  }

  /** Takes a copy away; a process that has it mapped keeps what it mapped. */
  async remove({ directory }: Pick<PreparedCopy, 'directory'>): Promise<void> {
    // Renamed first: a reader must not find half a directory.
    const doomed = join(this.directory, `${MAKING}${randomUUID()}`);
    await rename(directory, doomed).catch(ignoreMissing);
    await rm(doomed, { recursive: true, force: true });
  }

  /** Every whole copy. */
  async list(): Promise<PreparedCopy[]> {
    const copies: PreparedCopy[] = [];
    for (const name of await this.#names()) {
      if (name.startsWith(MAKING)) continue;
      const directory = join(this.directory, name);
      const manifest = await readManifest(directory);
      if (manifest !== null) copies.push({ directory, manifest });
    }
    return copies;
  }

  /**
   * Removes what no start will use again: copies of an older state of this source or of another runtime, copies unused for
   * 30 days, and what processes that died have left. Copies for other CPUs stay: machines may share the directory.
   *
   * @returns the directories removed
   */
  async evict(source: string, facts: CopyFacts): Promise<string[]> {
    const removed: string[] = [];
    for (const copy of await this.list()) {
      if (!isOutdated(copy.manifest, source, facts) && !(await isOlderThan(join(copy.directory, MANIFEST), UNUSED_MS))) continue;
      await this.remove(copy);
      removed.push(copy.directory);
    }
    for (const name of await this.#names()) {
      const path = join(this.directory, name);
      if (name.startsWith(MAKING) && (await isAbandoned(path))) await rm(path, { recursive: true, force: true });
    }
    return removed;
  }

  /** Bytes free for new copies. @throws when the directory cannot be made */
  async freeBytes(): Promise<number> {
    await makeDirectory(this.directory);
    const { bavail, bsize } = await statfs(this.directory);
    return bavail * bsize;
  }

  #place(model: string, facts: CopyFacts): string {
    const name = basename(model)
      .replaceAll(/[^\w.-]+/g, '-')
      .slice(0, 64);
    return join(this.directory, `${name}-${facts.dtype}-${copyKey(facts)}`);
  }

  async #settle(written: string, manifest: CopyManifest): Promise<PreparedCopy> {
    const directory = this.#place(manifest.model, manifest.facts);
    for (let attempt = 0; attempt < 2; attempt += 1) {
      try {
        await rename(written, directory);
        await syncPath(this.directory);
        return { directory, manifest };
      } catch (error) {
        if (!isTaken(error)) throw error;
      }
      const winner = await this.find(manifest.model, manifest.facts);
      if (winner !== null) {
        await rm(written, { recursive: true, force: true });
        return winner;
      }
      await this.remove({ directory });
    }
    throw new RerankError('internal', `${directory} cannot be replaced`);
  }

  async #names(): Promise<string[]> {
    return readdir(this.directory).catch(() => []);
  }
}

/** Names of files whose bytes are not the ones that were written. Reads everything. */
export async function damagedFiles({ directory, manifest }: PreparedCopy): Promise<string[]> {
  const damaged: string[] = [];
  for (const { path, sha256 } of manifest.files) {
    const actual = await sha256OfFile(join(directory, path)).catch(() => null);
    if (actual !== sha256) damaged.push(path);
  }
  return damaged;
}

/** Bytes of a copy's files. */
export function copyBytes({ manifest }: PreparedCopy): number {
  return manifest.files.reduce((sum, { bytes }) => sum + bytes, 0);
}

function isOutdated(manifest: CopyManifest, source: string, facts: CopyFacts): boolean {
  if (manifest.source !== source || manifest.key === copyKey(facts)) return false;
  const { runtime, format, source: digests } = manifest.facts;
  return runtime !== facts.runtime || format !== facts.format || digests.join() !== facts.source.join();
}

async function readManifest(directory: string): Promise<CopyManifest | null> {
  try {
    const manifest = readJsonFile(join(directory, MANIFEST), MAX_MANIFEST_BYTES) as CopyManifest;
    const { key, onnxFile, files, check, facts } = manifest;
    const whole = typeof key === 'string' && typeof onnxFile === 'string' && Array.isArray(files) && Array.isArray(check.logits);
    const named = whole && files.every(isOwnFile) && files.some(({ path }) => path === onnxFile);
    return named && Array.isArray(facts.source) ? manifest : null;
  } catch {
    return null;
  }
}

/** Names stay inside the directory. */
function isOwnFile({ path, sha256 }: HashedFile): boolean {
  return typeof path === 'string' && path === basename(path) && typeof sha256 === 'string';
}

async function haveSizes(directory: string, { files }: CopyManifest): Promise<boolean> {
  const sizes = await Promise.all(files.map(({ path }) => stat(join(directory, path)).catch(() => null)));
  return files.every(({ bytes }, i) => sizes[i]?.size === bytes);
}

/** The manifest's time says when the copy was last used; a day is exact enough, and most starts then write nothing. */
async function touch(directory: string): Promise<void> {
  const path = join(directory, MANIFEST);
  if (await isOlderThan(path, DAY_MS)) await utimes(path, new Date(), new Date());
}

async function isOlderThan(path: string, ms: number): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  return found !== null && Date.now() - found.mtimeMs > ms;
}

async function isAbandoned(directory: string): Promise<boolean> {
  const names = await readdir(directory).catch(() => []);
  const ages = await Promise.all(
    [directory, ...names.map((name) => join(directory, name))].map((path) => isOlderThan(path, ABANDONED_MS)),
  );
  return ages.every(Boolean);
}

function isTaken(error: unknown): boolean {
  return ['EEXIST', 'ENOTEMPTY', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '');
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

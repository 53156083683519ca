// What the Hugging Face cache holds: models, revisions, sizes. Reads only; a repository it does not understand is passed over.

import { type Dirent, readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { readRegularFile } from '../regular-file.ts';
import { CachedRepo, MAX_REF_BYTES } from './cached-repo.ts';
import { onnxFilesOf } from './file-choice.ts';
import { COMMIT } from './model-id.ts';

export interface CachedRevision {
  readonly commit: string;
  /** Branches and tags that lead here. */
  readonly refs: readonly string[];
  /** Of its files, those it shares with other revisions included. */
  readonly bytes: number;
  readonly files: readonly string[];
  readonly onnxFiles: readonly string[];
}

export interface CachedModel {
  readonly id: string;
  readonly directory: string;
  /** On the disk, unfinished downloads included. */
  readonly bytes: number;
  readonly unfinishedBytes: number;
  readonly revisions: readonly CachedRevision[];
}

const FOLDER = /^models--(.+)$/;

/** Every model of the cache, by id. */
export function scanCache(cacheDirectory: string): CachedModel[] {
  return entries(cacheDirectory)
    .filter((entry) => entry.isDirectory() && FOLDER.test(entry.name))
    .map(({ name }) => scanRepo(new CachedRepo(cacheDirectory, FOLDER.exec(name)![1]!.replaceAll('--', '/'))))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

export function scanRepo(repo: CachedRepo): CachedModel {
  const refs = readRefs(join(repo.directory, 'refs'));
  const revisions = entries(join(repo.directory, 'snapshots'))
    .filter((entry) => entry.isDirectory() && COMMIT.test(entry.name))
    .map(({ name }) => scanRevision(repo, name, refs));
  const blobs = filesUnder(repo.blobs);
  // Where links are not possible the snapshots themselves hold the bytes; a second name of a blob counts once.
  const bytes = uniqueBytes([
    ...blobs,
    ...revisions.flatMap(({ commit, files }) => files.map((path) => join(repo.snapshot(commit), path))),
  ]);
  const unfinishedBytes = uniqueBytes(blobs.filter((path) => path.endsWith('.incomplete')));
  return { id: repo.id, directory: repo.directory, bytes, unfinishedBytes, revisions };
}

function scanRevision(repo: CachedRepo, commit: string, refs: ReadonlyMap<string, string>): CachedRevision {
  const directory = repo.snapshot(commit);
  const paths = filesUnder(directory);
  const files = paths.map((path) => relative(directory, path).replaceAll('\\', '/')).sort();
  return {
    commit,
    refs: [...refs].filter(([, target]) => target === commit).map(([name]) => name),
    bytes: uniqueBytes(paths),
    files,
    onnxFiles: onnxFilesOf(files),
  };
}

/** Branch or tag -> commit; names may have slashes (`refs/pr/1`). What cannot be read leads nowhere. */
function readRefs(directory: string): Map<string, string> {
  const paths = filesUnder(directory).sort();
  return new Map(paths.map((path) => [relative(directory, path).replaceAll('\\', '/'), readRef(path)]));
}

function readRef(path: string): string {
  try {
    return readRegularFile(path, MAX_REF_BYTES).trim();
  } catch {
    return '';
  }
}

/** Bytes of files, each inode once, links followed; a broken link has none. */
export function uniqueBytes(paths: readonly string[]): number {
  const sizes = new Map<string, number>();
  for (const path of paths) {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found !== undefined) sizes.set(`${found.dev}:${found.ino}`, found.size);
  }
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

/** Files and links below a directory; none when there is no directory. */
export function filesUnder(directory: string): string[] {
  return entries(directory).flatMap((entry) => {
    const path = join(directory, entry.name);
    return entry.isDirectory() ? filesUnder(path) : [path];
  });
}

function entries(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
}

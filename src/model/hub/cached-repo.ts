// One model in the Hugging Face cache: its paths, references, marks and links. The layout is huggingface_hub's, shared both ways.

import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, link, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { RerankError } from '../../errors.ts';
import { isJsonObject, readJsonFile } from '../checked-json.ts';
import { readRegularFile } from '../regular-file.ts';
import { makeDirectory, writeFileWhole } from '../whole-file.ts';
import { COMMIT } from './model-id.ts';

export const MAX_REF_BYTES = 4096;
const MAX_TREE_BYTES = 64 * 2 ** 20;

/**
 * ```
 * models--org--name/
 *   blobs/<etag>                      SHA-256 of an LFS file, git's SHA-1 of any other
 *   snapshots/<commit>/path -> ../../blobs/<etag>
 *   refs/<branch or tag>              the commit
 *   .no_exist/<commit>/path           empty: the repository has no such file
 *   trees/<commit>.json               all files of the commit; written by huggingface_hub from 2026 on, here only read
 * ```
 *
 * @see https://huggingface.co/docs/huggingface_hub/guides/manage-cache
 */
export class CachedRepo {
  readonly id: string;
  readonly directory: string;

  /** @param id a checked one */
  constructor(cacheDirectory: string, id: string) {
    this.id = id;
    this.directory = join(cacheDirectory, `models--${id.replaceAll('/', '--')}`);
  }

  get blobs(): string {
    return join(this.directory, 'blobs');
  }

  blob(etag: string): string {
    return inside(this.blobs, etag);
  }

  snapshot(commit: string): string {
    return inside(join(this.directory, 'snapshots'), commit);
  }

  /** The commit a branch or tag had when it was last asked for; a commit is its own. Null when it is not known here. */
  commitOf(revision: string): string | null {
    if (COMMIT.test(revision)) return revision;
    try {
      const commit = readRegularFile(inside(join(this.directory, 'refs'), revision), MAX_REF_BYTES).trim();
      return COMMIT.test(commit) ? commit : null;
    } catch {
      return null;
    }
  }

  /** Last of all writes: only now the revision leads to the snapshot. */
  async writeRef(revision: string, commit: string): Promise<void> {
    if (this.commitOf(revision) === commit) return;
    const path = inside(join(this.directory, 'refs'), revision);
    await makeDirectory(dirname(path));
    await writeFileWhole(path, commit);
  }

  isKnownAbsent(commit: string, path: string): boolean {
    return existsSync(inside(join(this.directory, '.no_exist', commit), path));
  }

  async markAbsent(commit: string, path: string): Promise<void> {
    const mark = inside(join(this.directory, '.no_exist', commit), path);
    await makeDirectory(dirname(mark));
    await writeFileWhole(mark, '');
  }

  /** The files of a commit as huggingface_hub stored them; null when it did not. */
  async storedTree(commit: string): Promise<ReadonlySet<string> | null> {
    try {
      const tree = readJsonFile(inside(join(this.directory, 'trees'), `${commit}.json`), MAX_TREE_BYTES);
      const { format_version: version, files } = tree as { format_version?: unknown; files?: object };
      return version === 1 && isJsonObject(files) ? new Set(Object.keys(files)) : null;
    } catch {
      return null;
    }
  }

  /** Makes `path` of a commit lead to a blob that is there, in one step. */
  async link(commit: string, path: string, etag: string): Promise<void> {
    const pointer = inside(this.snapshot(commit), path);
    await makeDirectory(dirname(pointer));
    const temporary = `${pointer}.${randomUUID()}.tmp`;
    try {
      await pointTo(this.blob(etag), temporary);
      await rename(temporary, pointer);
    } finally {
      await rm(temporary, { force: true });
    }
  }
}

/** Relative, so that the cache can be moved; where links are not allowed (Windows) a second name, or a copy. */
async function pointTo(blob: string, pointer: string): Promise<void> {
  try {
    await symlink(relative(dirname(pointer), blob), pointer);
  } catch {
    await link(blob, pointer).catch(() => copyFile(blob, pointer));
  }
}

/** @throws RerankError `internal`: names are checked where they come in, so this is never seen */
function inside(base: string, path: string): string {
  const joined = join(base, path);
  if (joined.startsWith(base + sep)) return joined;
  throw new RerankError('internal', `'${path}' leaves ${base}. This is a bug.`);
}

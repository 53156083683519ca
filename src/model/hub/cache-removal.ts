// Takes a model, or one revision of it, out of the Hugging Face cache.

import { lstatSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RerankError } from '../../errors.ts';
import { type CachedModel, filesUnder, scanRepo, uniqueBytes } from './cache-scan.ts';
import { CachedRepo } from './cached-repo.ts';

export interface Removal {
  readonly id: string;
  /** Commits that go. */
  readonly commits: readonly string[];
  /** Files and directories that go, in that order: a cut removal leaves a snapshot that counts as incomplete, never a half file. */
  readonly paths: readonly string[];
  readonly freedBytes: number;
}

/**
 * What to remove; null when the cache does not hold the model.
 *
 * @param revision branch, tag, commit, or the beginning of one (7 characters); null for the whole model
 * @throws RerankError `model_files` when that revision is not cached; the message names those that are
 */
export function planRemoval(cacheDirectory: string, id: string, revision: string | null): Removal | null {
  const repo = new CachedRepo(cacheDirectory, id);
  const model = scanRepo(repo);
  if (model.revisions.length === 0 && model.bytes === 0) return null;
  const commits = model.revisions.map(({ commit }) => commit);
  if (revision === null) return { id, commits, paths: [repo.directory], freedBytes: model.bytes };
  const commit = findCommit(model, revision);
  return commits.length === 1
    ? { id, commits, paths: [repo.directory], freedBytes: model.bytes }
    : planRevision(repo, model, commit);
}

/** Removes what was planned. */
export async function remove({ paths }: Removal): Promise<void> {
  for (const path of paths) await rm(path, { recursive: true, force: true });
}

function planRevision(repo: CachedRepo, { id, revisions }: CachedModel, commit: string): Removal {
  const keysOf = (target: string): string[] => filesUnder(repo.snapshot(target)).map(inodeOf);
  const own = new Set(keysOf(commit));
  for (const each of revisions) if (each.commit !== commit) for (const key of keysOf(each.commit)) own.delete(key);
  const blobs = filesUnder(repo.blobs).filter((path) => own.has(inodeOf(path)));
  const refs = revisions.find((each) => each.commit === commit)!.refs.map((name) => join(repo.directory, 'refs', name));
  const marks = [join(repo.directory, '.no_exist', commit), join(repo.directory, 'trees', `${commit}.json`)];
  return {
    id,
    commits: [commit],
    paths: [...refs, repo.snapshot(commit), ...marks, ...blobs],
    freedBytes: uniqueBytes(blobs.filter(isOwn)),
  };
}

function findCommit({ id, revisions }: CachedModel, revision: string): string {
  const found = revisions.filter(
    ({ commit, refs }) => refs.includes(revision) || (revision.length >= 7 && commit.startsWith(revision)),
  );
  if (found.length === 1) return found[0]!.commit;
  const known = revisions.map(({ commit, refs }) => [...refs, commit].join(' = ')).join('; ');
  throw new RerankError('model_files', `${id} has no revision '${revision}' in the cache; it has ${known || 'none'}`);
}

/** By inode, so that it does not matter whether a snapshot's file is a link, a second name, or a link of a link. */
function inodeOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? path : `${found.dev}:${found.ino}`;
}

/** A blob may be a link into huggingface_hub's store of shared blobs, whose bytes stay. */
function isOwn(blob: string): boolean {
  return lstatSync(blob).isFile();
}

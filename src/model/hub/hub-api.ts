// What the hub says of a model: the commit of a revision, and its files with sizes and digests. The only importer of @huggingface/hub.
//
// Of @huggingface/hub 2.17 the calls of the API serve (addresses, fields, pages). Its downloads do not: they neither resume nor retry nor
// check a digest, name snapshots after a file's last commit, write no refs, and one partial file is shared by all processes.
// Its scan of the cache passes over sub-folders (onnx/) and over refs/pr. Its check of tokens refuses those that do not begin with
// `hf_`, as mirrors have them: the token is added by our own fetch instead.

import { listFiles, modelInfo } from '@huggingface/hub';
import { RerankError } from '../../errors.ts';
import { cut, shown } from '../checked-json.ts';
import type { HubClient } from './http-client.ts';
import { type Asked, HubFailure } from './hub-failure.ts';
import { COMMIT, isSafePath } from './model-id.ts';

/** Far above what repositories of models have. */
const MAX_FILES = 100_000;
const MAX_PATH_CHARS = 1024;

/** A file of a commit. */
export interface RepoFile {
  readonly path: string;
  readonly bytes: number;
  /** Name of the blob: SHA-256 for files in large storage, otherwise git's SHA-1 of the blob. */
  readonly etag: string;
  readonly digest: 'sha256' | 'git';
}

/** The commit a revision stands for now. @throws HubFailure, RerankError `cancelled` */
export async function findCommit(client: HubClient, endpoint: string, { id, revision }: Asked): Promise<string> {
  const { sha } = await understood(endpoint, () =>
    modelInfo({ name: id, revision, hubUrl: endpoint, additionalFields: ['sha'], fetch: client.fetch }),
  );
  if (typeof sha === 'string' && COMMIT.test(sha)) return sha;
  throw new HubFailure('answer', `${endpoint} names no commit for ${id} at '${revision}'`);
}

/**
 * All files of a commit by their path.
 *
 * @throws HubFailure also when a name would leave the cache, a digest is none, or the list has no end; RerankError `cancelled`
 */
export async function listCommit(
  client: HubClient,
  endpoint: string,
  id: string,
  commit: string,
): Promise<ReadonlyMap<string, RepoFile>> {
  const files = new Map<string, RepoFile>();
  let entries = 0;
  await understood(endpoint, async () => {
    const repo = { type: 'model', name: id } as const;
    for await (const { type, path, size, oid, lfs } of listFiles({
      repo,
      revision: commit,
      recursive: true,
      hubUrl: endpoint,
      fetch: client.fetch,
    })) {
      entries += 1;
      if (entries > MAX_FILES) throw new HubFailure('answer', `${endpoint} lists more than ${MAX_FILES} files for ${id}`);
      if (type !== 'file') continue;
      const file =
        lfs === undefined
          ? { bytes: size, etag: oid ?? '', digest: 'git' as const }
          : { bytes: lfs.size, etag: lfs.oid, digest: 'sha256' as const };
      files.set(path, checked({ path, ...file }, id));
    }
  });
  return files;
}

function checked(file: RepoFile, id: string): RepoFile {
  const hex = file.digest === 'sha256' ? /^[0-9a-f]{64}$/ : /^[0-9a-f]{40}$/;
  if (typeof file.path !== 'string' || file.path.length > MAX_PATH_CHARS)
    throw new HubFailure(
      'answer',
      `${id} has a file whose name is ${shown(file.path)}; at most ${MAX_PATH_CHARS} characters are taken`,
    );
  if (!isSafePath(file.path))
    throw new HubFailure(
      'answer',
      `${id} has a file named ${shown(file.path)}, which would leave the cache; nothing is downloaded`,
    );
  if (hex.test(file.etag) && Number.isSafeInteger(file.bytes) && file.bytes >= 0) return file;
  throw new HubFailure('answer', `${id}: the hub gives no size and digest for ${file.path}`);
}

/** A page that is no JSON comes from something that is no hub: a login page, a wrong HF_ENDPOINT. */
async function understood<T>(endpoint: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof RerankError) throw error;
    throw new HubFailure('answer', `${endpoint} does not answer as a Hugging Face hub: ${cut((error as Error).message)}`, {
      cause: error,
    });
  }
}

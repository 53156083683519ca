// Fetches what a snapshot lacks: configs, tokenizer, one ONNX file and the data its graph names. Nothing else of the repository.

import { join } from 'node:path';
import { MAX_TOKENIZER_BYTES } from '../model-files.ts';
import { MAX_WEIGHT_BYTES } from '../regular-file.ts';
import type { CachedRepo } from './cached-repo.ts';
import { checkSpace, downloadBlob, isWhole } from './download-blob.ts';
import { chooseFiles, type FileChoice, onnxFilesOf } from './file-choice.ts';
import type { HubClient } from './http-client.ts';
import { listCommit, type RepoFile } from './hub-api.ts';
import { type Asked, HubFailure, noOnnxFile } from './hub-failure.ts';
import type { HubListener } from './hub-settings.ts';
import { partialBytes } from './partial-file.ts';
import { externalDataOf, moduleFolder } from './snapshot-state.ts';

export interface PullOptions {
  readonly client: HubClient;
  readonly endpoint: string;
  readonly repo: CachedRepo;
  readonly asked: Asked;
  readonly commit: string;
  /** Relative to the root, checked; null for the two usual places. */
  readonly onnxFile: string | null;
  readonly signal: AbortSignal;
  readonly onEvent: HubListener;
}

/**
 * Completes the snapshot of a commit.
 *
 * @throws HubFailure for everything the hub, the network or the disk does not give; RerankError `cancelled`
 */
export async function pullSnapshot(options: PullOptions): Promise<void> {
  const { client, endpoint, repo, commit, asked } = options;
  const startedMs = performance.now();
  const listed = await listCommit(client, endpoint, asked.id, commit);
  const download = new Download(options, listed);
  const choice = await chooseListed(options, listed, download);
  await download.fetch(choice.files);
  const snapshot = repo.snapshot(commit);
  await download.fetch(externalDataOf(snapshot, choice.onnxFile!));
  if (download.bytes > 0) {
    const elapsedMs = performance.now() - startedMs;
    options.onEvent({ kind: 'downloaded', directory: snapshot, bytes: download.bytes, elapsedMs });
  }
}

/** modules.json comes first: it says in which folder the transformer lies. */
async function chooseListed(
  options: PullOptions,
  listed: ReadonlyMap<string, RepoFile>,
  download: Download,
): Promise<FileChoice> {
  const { repo, commit, asked, onnxFile, onEvent } = options;
  if (listed.has('modules.json')) await download.fetch(['modules.json']);
  const choice = chooseFiles((path) => listed.has(path), moduleFolder(repo.snapshot(commit)), onnxFile);
  const present = onnxFilesOf(listed.keys());
  if (choice.onnxFile === null) throw noOnnxFile(asked, present, onnxFile);
  if (choice.missing.length > 0) {
    throw new HubFailure(
      'file',
      `${asked.id} at '${asked.revision}' has no ${choice.missing.join(' and no ')}, without which it cannot be loaded`,
    );
  }
  const others = present.filter((path) => path !== choice.onnxFile);
  if (others.length > 0) onEvent({ kind: 'chosen', onnxFile: choice.onnxFile, others });
  // Before the weights: once they are there, the snapshot counts as complete.
  for (const path of choice.absent) await repo.markAbsent(commit, path);
  return choice;
}

/** Files of one commit, one after the other: the weights are nearly all of it. */
class Download {
  readonly #options: PullOptions;
  readonly #listed: ReadonlyMap<string, RepoFile>;
  /** Bytes that were not in the cache. */
  bytes = 0;

  constructor(options: PullOptions, listed: ReadonlyMap<string, RepoFile>) {
    this.#options = options;
    this.#listed = listed;
  }

  async fetch(paths: readonly string[]): Promise<void> {
    const { repo, asked, commit, onEvent } = this.#options;
    const files = paths.map((path) => this.#file(path));
    const missing = files.filter(({ etag, bytes }) => !isWhole(repo.blob(etag), bytes));
    const totalBytes = missing.reduce((sum, { bytes }) => sum + bytes, 0);
    await this.#checkSpace(missing, totalBytes);
    if (missing.length > 0) {
      onEvent({ kind: 'downloading', id: asked.id, commit, files: missing.map(({ path }) => path), bytes: totalBytes });
    }
    let doneBytes = 0;
    for (const file of files) {
      if (missing.includes(file))
        await this.#fetchOne(file, (bytes) => onEvent({ kind: 'progress', doneBytes: doneBytes + bytes, totalBytes }));
      await this.#link(file);
      if (missing.includes(file)) doneBytes += file.bytes;
    }
    this.bytes += totalBytes;
  }

  #file(path: string): RepoFile {
    const file = this.#listed.get(path);
    const { id, revision } = this.#options.asked;
    const maxBytes = path.endsWith('.json') ? MAX_TOKENIZER_BYTES : MAX_WEIGHT_BYTES;
    if (file !== undefined && file.bytes > maxBytes)
      throw new HubFailure('file', `${id} at '${revision}': ${path} has ${file.bytes} bytes, and at most ${maxBytes} are read`);
    if (file !== undefined) return file;
    throw new HubFailure(
      'file',
      `the graph of ${id} at '${revision}' keeps weights in ${path}, which the repository does not have`,
    );
  }

  async #fetchOne(file: RepoFile, onBytes: (bytes: number) => void): Promise<void> {
    const { client, endpoint, repo, asked, commit, signal, onEvent } = this.#options;
    const path = file.path.split('/').map(encodeURIComponent).join('/');
    const url = `${endpoint}/${asked.id}/resolve/${commit}/${path}`;
    await downloadBlob(file, { client, repo, url, signal, onEvent, onBytes });
  }

  async #link({ path, etag, bytes }: RepoFile): Promise<void> {
    const { repo, commit } = this.#options;
    if (!isWhole(join(repo.snapshot(commit), path), bytes)) await repo.link(commit, path, etag);
  }

  async #checkSpace(missing: readonly RepoFile[], totalBytes: number): Promise<void> {
    const { blobs } = this.#options.repo;
    const there = await Promise.all(missing.map(({ etag }) => partialBytes(blobs, etag)));
    await checkSpace(blobs, Math.max(0, totalBytes - there.reduce((sum, bytes) => sum + bytes, 0)));
  }
}

// Brings one file into the cache's blobs: resumed where a download was cut, checked before it gets its name.

import { statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { RerankError } from '../../errors.ts';
import { makeDirectory, syncPath } from '../whole-file.ts';
import type { CachedRepo } from './cached-repo.ts';
import type { HubClient, UndiciResponse } from './http-client.ts';
import type { RepoFile } from './hub-api.ts';
import { diskFailure, diskFull, HubFailure } from './hub-failure.ts';
import type { HubListener } from './hub-settings.ts';
import { PartialFile, removeLeftovers } from './partial-file.ts';

export interface DownloadOptions {
  readonly client: HubClient;
  readonly repo: CachedRepo;
  readonly url: string;
  readonly signal: AbortSignal;
  readonly onEvent: HubListener;
  /** Bytes of the file that are on the disk now. */
  readonly onBytes: (bytes: number) => void;
}

/** Attempts without a single new byte. */
const ATTEMPTS = 5;
/** A second wrong digest is no accident on the way. */
const MAX_DAMAGED = 2;

/** Left free on the disk, for everybody else. */
const MARGIN_BYTES = 16 * 2 ** 20;

/** @throws HubFailure as {@link HubClient.open}, `damaged`, `disk`; RerankError `cancelled` */
export async function downloadBlob(file: RepoFile, options: DownloadOptions): Promise<void> {
  const { repo, onEvent, signal } = options;
  const blob = repo.blob(file.etag);
  const isDone = (): boolean => isWhole(blob, file.bytes);
  const onWait = (): void => onEvent({ kind: 'waiting', file: file.path });
  const partial = await PartialFile.hold(repo.blobs, file.etag, { isDone, onWait, signal }).catch((error: unknown) => {
    throw signal.aborted
      ? new RerankError('cancelled', 'the download was cancelled')
      : diskFailure(repo.blobs, file.bytes, error);
  });
  if (partial === null) return options.onBytes(file.bytes);
  try {
    if (partial.bytes > 0) onEvent({ kind: 'resumed', file: file.path, bytes: partial.bytes });
    await fill(partial, file, options);
    await partial.publish(blob);
    await syncPath(repo.blobs);
    await removeLeftovers(repo.blobs, file.etag);
  } catch (error) {
    await partial.release().catch(() => {});
    if (!signal.aborted && isDone()) return; // this process was stopped for a while, and another one took the file over
    throw signal.aborted
      ? new RerankError('cancelled', 'the download was cancelled', { cause: error })
      : diskFailure(repo.blobs, file.bytes, error);
  }
}

/** Whether a blob is there with its size; one of another size is written anew. */
export function isWhole(blob: string, bytes: number): boolean {
  return statSync(blob, { throwIfNoEntry: false })?.size === bytes;
}

/** @throws HubFailure `disk` when the bytes do not fit */
export async function checkSpace(directory: string, bytes: number): Promise<void> {
  if (bytes === 0) return;
  await makeDirectory(directory);
  const { bavail, bsize } = await statfs(directory);
  const free = bavail * bsize;
  if (free < bytes + MARGIN_BYTES) throw diskFull(directory, bytes, free);
}

async function fill(partial: PartialFile, file: RepoFile, options: DownloadOptions): Promise<void> {
  for (let damaged = 0; ; ) {
    await transfer(partial, file, options);
    if ((await digestOf(partial, file, options.signal)) === file.etag) return;
    damaged += 1;
    await partial.truncate();
    if (damaged === MAX_DAMAGED) {
      throw new HubFailure(
        'damaged',
        `${file.path} came ${damaged} times with other bytes than the hub announced (${file.digest} ${file.etag})`,
      );
    }
    options.onEvent({ kind: 'retry', reason: `${file.path} came damaged and is fetched again`, waitMs: 0 });
  }
}

/** Until every byte is there. */
async function transfer(partial: PartialFile, file: RepoFile, options: DownloadOptions): Promise<void> {
  const { client, url } = options;
  if (partial.bytes > file.bytes) await partial.truncate();
  for (let attempt = 1; partial.bytes < file.bytes; attempt += 1) {
    const before = partial.bytes;
    try {
      const response = await client.open(url, before);
      await placeAt(partial, file, response);
      await client.guard(url, () => append(partial, file, response, options));
    } catch (error) {
      if (!(error instanceof HubFailure) || !error.transient) throw error;
      if (partial.bytes > before) attempt = 1;
      if (attempt >= ATTEMPTS) throw error;
      await client.pause(error, attempt);
    }
  }
}

/** Goes back to the start when the answer does, or when it is not about the file we have a part of. */
async function placeAt(partial: PartialFile, file: RepoFile, response: UndiciResponse): Promise<void> {
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '');
  const fits =
    response.status === 206 && Number(range?.[1]) === partial.bytes && (range?.[2] === '*' || Number(range?.[2]) === file.bytes);
  if (fits) return;
  await partial.truncate();
  if (response.status === 200) return;
  await response.body?.cancel();
  throw new HubFailure('answer', `${file.path} cannot be resumed (${response.status}); it is fetched from the start`, {
    transient: true,
  });
}

async function append(partial: PartialFile, file: RepoFile, response: UndiciResponse, options: DownloadOptions): Promise<void> {
  for await (const chunk of response.body ?? []) {
    if (partial.bytes + chunk.length > file.bytes) {
      await partial.truncate();
      throw new HubFailure('answer', `${file.path} is longer than the ${file.bytes} bytes announced`, { transient: true });
    }
    await partial.write(chunk).catch((error: unknown) => {
      throw diskFailure(options.repo.blobs, file.bytes, error); // here, or it would be taken for a fault of the network
    });
    options.onBytes(partial.bytes);
  }
  if (partial.bytes < file.bytes)
    throw new HubFailure('unreachable', `${file.path} was cut after ${partial.bytes} of ${file.bytes} bytes`, {
      transient: true,
    });
}

/** As the hub names blobs: SHA-256, or git's SHA-1 of `blob <length>\0` and the content. */
function digestOf(partial: PartialFile, { digest, bytes }: RepoFile, signal: AbortSignal): Promise<string> {
  return digest === 'sha256' ? partial.digest('sha256', '', signal) : partial.digest('sha1', `blob ${bytes}\0`, signal);
}

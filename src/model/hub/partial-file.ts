// The unfinished download of one blob: resumed by whoever comes next, written by one holder at a time.
//
// Node has no flock, and flock lies on some network file systems; so safety does not rest on a lock. Each holder writes a file of its
// own name, `<etag>.<holder>.incomplete`, and takes over what a holder who is gone has left by renaming it, which only one can.
// Writes go to explicit places, and all holders of an etag write the same bytes: even one that was thought dead does no harm.
// The whole file is hashed from the disk before it is renamed to its blob.

import { createHash, randomBytes } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { type FileHandle, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeDirectory } from '../whole-file.ts';

const HEARTBEAT_MS = 3000;
/** A holder that shows no sign of life for this long, while we look, is gone. */
const GONE_AFTER_MS = 20_000;
/** A file this old needs no looking. */
const LONG_GONE_MS = 600_000;
const POLL_MS = 250;

/** `<etag>.<host><random>-<pid>.incomplete`; a pid means something only in its own process namespace, which `host` stands for. */
const NAME = /^([0-9a-f]+)\.([0-9a-f]{8})([0-9a-f]{8})-(\d+)\.incomplete$/;

const HOST = createHash('sha256').update(`${hostname()} ${processNamespace()}`).digest('hex').slice(0, 8);

/** Names this process holds. */
const held = new Set<string>();

export class PartialFile {
  readonly path: string;
  readonly #name: string;
  readonly #handle: FileHandle;
  readonly #heartbeat: NodeJS.Timeout;
  bytes: number;

  private constructor(path: string, name: string, handle: FileHandle, bytes: number) {
    this.path = path;
    this.#name = name;
    this.#handle = handle;
    this.bytes = bytes;
    this.#heartbeat = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => {}), HEARTBEAT_MS).unref();
  }

  /**
   * Holds the partial file of a blob: one left by a holder who is gone, or a new one. Waits while another process is at it.
   *
   * @returns null when the blob is there
   * @throws what the disk says; AbortError
   */
  static async hold(
    blobs: string,
    etag: string,
    { isDone, onWait, signal, goneAfterMs = GONE_AFTER_MS }: HoldOptions,
  ): Promise<PartialFile | null> {
    await makeDirectory(blobs);
    const watch = new Watch(blobs, etag, goneAfterMs);
    for (let waited = false; ; waited = true) {
      if (isDone()) return null;
      const { gone, alive } = await watch.look();
      if (alive.length === 0) {
        const partial = await PartialFile.#take(blobs, etag, gone);
        if (partial.bytes > 0 || !(await yieldsTo(watch, partial))) return partial;
        await partial.discard();
      }
      if (!waited) onWait();
      await sleep(POLL_MS, undefined, { signal });
    }
  }

  static async #take(blobs: string, etag: string, gone: readonly string[]): Promise<PartialFile> {
    const name = `${etag}.${HOST}${randomBytes(4).toString('hex')}-${process.pid}.incomplete`;
    const path = join(blobs, name);
    held.add(name);
    for (const left of gone) {
      const won = await rename(join(blobs, left), path).then(
        () => true,
        () => false,
      );
      if (won) break;
    }
    try {
      const handle = await open(path, 'r+').catch(() => open(path, 'wx+'));
      return new PartialFile(path, name, handle, (await handle.stat()).size);
    } catch (error) {
      held.delete(name);
      throw error;
    }
  }

  get name(): string {
    return this.#name;
  }

  async write(chunk: Uint8Array): Promise<void> {
    for (let done = 0; done < chunk.length; ) {
      const { bytesWritten } = await this.#handle.write(chunk, done, chunk.length - done, this.bytes + done);
      done += bytesWritten;
    }
    this.bytes += chunk.length;
  }

  async truncate(): Promise<void> {
    await this.#handle.truncate(0);
    this.bytes = 0;
  }

  /** Hexadecimal digest of what is on the disk. @param head put before the content */
  async digest(algorithm: 'sha256' | 'sha1', head: string, signal: AbortSignal): Promise<string> {
    const hash = createHash(algorithm).update(head);
    for await (const chunk of this.#handle.createReadStream({ start: 0, autoClose: false, highWaterMark: 2 ** 20 })) {
      signal.throwIfAborted();
      hash.update(chunk as Buffer);
    }
    return hash.digest('hex');
  }

  /** Makes the file its blob; what is at that place is replaced. */
  async publish(blob: string): Promise<void> {
    await this.#handle.sync();
    await this.#end(() => rename(this.path, blob));
  }

  /** Leaves the file for whoever comes next. */
  async release(): Promise<void> {
    await this.#end(async () => {});
  }

  async discard(): Promise<void> {
    await this.#end(() => rm(this.path, { force: true }));
  }

  /** The name is held until the file is where it belongs: to other callers of this process it would look like one that was left. */
  async #end(settle: () => Promise<void>): Promise<void> {
    clearInterval(this.#heartbeat);
    try {
      await this.#handle.close(); // first: Windows renames no open file
      await settle();
    } finally {
      held.delete(this.#name);
    }
  }
}

export interface HoldOptions {
  /** Whether the blob is there: then there is nothing to hold. */
  readonly isDone: () => boolean;
  /** Called once when another holder is at work. */
  readonly onWait: () => void;
  readonly signal: AbortSignal;
  /** Tests wait less long for a holder that is gone. */
  readonly goneAfterMs?: number;
}

/** Bytes of the largest partial file of a blob that anybody has left or is writing. */
export async function partialBytes(blobs: string, etag: string): Promise<number> {
  const sizes = await Promise.all(
    (await partialNames(blobs, etag)).map((name) =>
      stat(join(blobs, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return Math.max(0, ...sizes);
}

/** Takes away what holders who are gone have left of a blob that is there. */
export async function removeLeftovers(blobs: string, etag: string): Promise<void> {
  const { gone } = await new Watch(blobs, etag, GONE_AFTER_MS).look();
  for (const name of gone) await rm(join(blobs, name), { force: true });
}

/** Two that began at the same moment see each other: the one whose name comes first goes on. */
async function yieldsTo(watch: Watch, own: PartialFile): Promise<boolean> {
  const { alive } = await watch.look(own.name);
  return alive.some((name) => name < own.name);
}

/** Looks at other holders' files and remembers when each last changed, by our clock: the file server's may differ. */
class Watch {
  readonly #blobs: string;
  readonly #etag: string;
  readonly #goneAfterMs: number;
  readonly #seen = new Map<string, { readonly stamp: string; readonly sinceMs: number }>();

  constructor(blobs: string, etag: string, goneAfterMs: number) {
    this.#blobs = blobs;
    this.#etag = etag;
    this.#goneAfterMs = goneAfterMs;
  }

  async look(own = ''): Promise<{ gone: string[]; alive: string[] }> {
    const names = (await partialNames(this.#blobs, this.#etag)).filter((name) => name !== own);
    const gone: string[] = [];
    const alive: string[] = [];
    for (const name of names) ((await this.#isGone(name)) ? gone : alive).push(name);
    return { gone, alive };
  }

  async #isGone(name: string): Promise<boolean> {
    const [, , host, , pid] = NAME.exec(name)!;
    if (held.has(name)) return false;
    if (host === HOST && (Number(pid) === process.pid || !isAlive(Number(pid)))) return true;
    const found = await stat(join(this.#blobs, name)).catch(() => null);
    if (found === null) return true;
    if (Date.now() - found.mtimeMs > LONG_GONE_MS) return true;
    const stamp = `${found.mtimeMs} ${found.size}`;
    const known = this.#seen.get(name);
    if (known?.stamp === stamp) return performance.now() - known.sinceMs > this.#goneAfterMs;
    this.#seen.set(name, { stamp, sinceMs: performance.now() });
    return false;
  }
}

async function partialNames(blobs: string, etag: string): Promise<string[]> {
  const names = await readdir(blobs).catch(() => [] as string[]);
  return names.filter((name) => NAME.exec(name)?.[1] === etag).sort();
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // alive, and somebody else's
  }
}

function processNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

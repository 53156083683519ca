// Where results go: standard output, or a file whose written bytes are counted so that a run can go on from there.

import { type FileHandle, open, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { CommandError } from '../exit-codes.ts';
import type { Source } from './sources.ts';

export interface Sink {
  /** @throws CommandError `output`; {@link ReaderLeft} when nobody reads standard output any more */
  write(text: string): Promise<void>;
  /** Bytes written so far, those of the runs before included. */
  readonly bytes: number;
  /** Returns when what was written survives a crash of the machine. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** The reader of standard output left: `crossrank rank ... | head`. Not a failure. */
export class ReaderLeft extends Error {
  override readonly name = 'ReaderLeft';
}

export function stdoutSink(stream: NodeJS.WritableStream = process.stdout): Sink {
  return {
    bytes: 0,
    write: (text) =>
      new Promise((resolveWrite, reject) => {
        stream.write(text, (error) => {
          if (error === null || error === undefined) resolveWrite();
          else
            reject((error as NodeJS.ErrnoException).code === 'EPIPE' ? new ReaderLeft() : cannotWrite('standard output', error));
        });
      }),
    sync: async () => {},
    close: async () => {},
  };
}

/**
 * Opens the file anew, or cuts it to what a state vouches for and goes on: whatever a killed run wrote later, half a line
 * perhaps, goes away and is written again.
 *
 * @param keepBytes bytes to keep; null begins anew
 * @throws CommandError `output`
 */
export async function fileSink(path: string, keepBytes: number | null): Promise<Sink> {
  try {
    const handle = await open(path, keepBytes === null ? 'w' : 'r+');
    if (keepBytes !== null) await cutTo(handle, path, keepBytes);
    return new FileSink(handle, { path, bytes: keepBytes ?? 0, seekable: (await handle.stat()).isFile() });
  } catch (error) {
    throw error instanceof CommandError ? error : cannotWrite(path, error);
  }
}

async function cutTo(handle: FileHandle, path: string, bytes: number): Promise<void> {
  const { size } = await handle.stat();
  if (size >= bytes) return handle.truncate(bytes);
  await handle.close();
  throw new CommandError('output', `cannot resume ${path}: it has ${size} bytes, its state says ${bytes}; it was changed since`);
}

interface OpenFile {
  readonly path: string;
  readonly bytes: number;
  /** False for a pipe or terminal (`/dev/stdout`), which takes no position. */
  readonly seekable: boolean;
}

class FileSink implements Sink {
  readonly #handle: FileHandle;
  readonly #file: OpenFile;
  #bytes: number;

  constructor(handle: FileHandle, file: OpenFile) {
    this.#handle = handle;
    this.#file = file;
    this.#bytes = file.bytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  async write(text: string): Promise<void> {
    const data = Buffer.from(text);
    for (let done = 0; done < data.length; ) {
      const position = this.#file.seekable ? this.#bytes : null;
      const { bytesWritten } = await this.#handle
        .write(data, done, data.length - done, position)
        .catch((error: unknown) => Promise.reject(cannotWrite(this.#file.path, error)));
      done += bytesWritten;
      this.#bytes += bytesWritten;
    }
  }

  async sync(): Promise<void> {
    if (this.#file.seekable) await this.#handle.datasync();
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/** @throws CommandError `usage`: writing would empty the file before it is read */
export async function refuseOverwritingInput(path: string, sources: readonly Source[]): Promise<void> {
  const target = await stat(path).catch(() => null);
  for (const source of sources) {
    if (source.path === null) continue;
    const same = resolve(source.path) === resolve(path) || (target?.isFile() && (await isSameFile(source.path, target)));
    if (same) throw new CommandError('usage', `--output ${path} is one of the inputs`);
  }
}

async function isSameFile(path: string, other: { readonly dev: number; readonly ino: number }): Promise<boolean> {
  const found = await stat(path);
  return found.dev === other.dev && found.ino === other.ino;
}

function cannotWrite(name: string, cause: unknown): CommandError {
  return new CommandError('output', `cannot write ${name}: ${(cause as Error).message}`, { cause });
}

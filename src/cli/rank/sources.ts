// Where bytes come from: files and standard input, decompressed, checked to be text. Knows nothing of documents.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { addAbortSignal, pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { CommandError } from '../exit-codes.ts';

/** The name that stands for standard input. */
export const STDIN = '-';

/** One input; `name` is what the user typed and what results show. */
export interface Source {
  readonly name: string;
  /** File to open; null reads standard input. */
  readonly path: string | null;
  /** Bytes as stored (compressed); null when unknown. */
  readonly sizeBytes: number | null;
}

export interface OpenOptions {
  /** Aborted when the run is interrupted; reading then fails. */
  readonly signal: AbortSignal;
  /** Told of every chunk read, bytes as stored. */
  readonly onBytes?: (bytes: number) => void;
}

/**
 * Looks at every input before anything is loaded.
 *
 * @throws CommandError `input` naming the first that is missing, a directory, or standard input named twice
 */
export async function findSources(names: readonly string[], stdinBytes: number | null): Promise<Source[]> {
  if (names.filter((name) => name === STDIN).length > 1) throw new CommandError('input', "standard input ('-') is named twice");
  return Promise.all(
    names.map(async (name) => {
      if (name === STDIN) return { name, path: null, sizeBytes: stdinBytes };
      const found = await stat(name).catch((error: unknown) => Promise.reject(unreadable(name, error)));
      if (found.isDirectory()) throw new CommandError('input', `${name} is a directory, not a file`);
      return { name, path: name, sizeBytes: found.isFile() ? found.size : null };
    }),
  );
}

/**
 * The bytes of a source: gzip (known by its first bytes, whatever the name) decompressed, a UTF-8 byte order mark dropped.
 *
 * @throws CommandError `input` when the source cannot be read, is broken gzip or is not text
 */
export async function* openSource(source: Source, options: OpenOptions): AsyncGenerator<Buffer> {
  try {
    const stored = await peek(storedBytes(source, options), 2);
    const isGzip = stored.head[0] === 0x1f && stored.head[1] === 0x8b;
    const plain = await peek(isGzip ? gunzip(stored.all) : stored.all, 3);
    if (plain.head.includes(0))
      throw new CommandError('input', `${source.name} is not text: it has a NUL byte (binary, or UTF-16)`);
    let first = true;
    for await (const chunk of plain.all) {
      yield first ? withoutMark(chunk) : chunk;
      first = false;
    }
  } catch (error) {
    throw error instanceof CommandError || options.signal.aborted ? error : unreadable(source.name, error);
  }
}

async function* storedBytes({ path }: Source, { signal, onBytes }: OpenOptions): AsyncGenerator<Buffer> {
  const stream = path === null ? addAbortSignal(signal, process.stdin) : createReadStream(path, { signal });
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    onBytes?.(chunk.length);
    yield chunk;
  }
}

async function* gunzip(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const plain = createGunzip();
  pipeline(Readable.from(chunks), plain, () => {}); // the loop below meets the error
  for await (const chunk of plain as AsyncIterable<Buffer>) yield chunk;
}

interface Peeked {
  /** The first chunk: at least the bytes asked for, unless the stream is shorter. */
  readonly head: Buffer;
  /** Everything, the head included. */
  readonly all: AsyncGenerator<Buffer>;
}

async function peek(chunks: AsyncGenerator<Buffer>, minBytes: number): Promise<Peeked> {
  let head: Buffer = Buffer.alloc(0);
  while (head.length < minBytes) {
    const next = await chunks.next();
    if (next.done === true) break;
    head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
  }
  return { head, all: prepend(head, chunks) };
}

async function* prepend(head: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head;
  yield* rest;
}

function withoutMark(chunk: Buffer): Buffer {
  const marked = chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf;
  return marked ? chunk.subarray(3) : chunk;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
  Z_BUF_ERROR: 'the gzip data ends too early',
  Z_DATA_ERROR: 'the gzip data is broken',
};

function unreadable(name: string, cause: unknown): CommandError {
  const { code = '', message = String(cause) } = cause as { readonly code?: string; readonly message?: string };
  return new CommandError('input', `cannot read ${name}: ${REASONS[code] ?? message}`, { cause });
}

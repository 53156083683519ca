// Standard input can be read once; a run of several queries reads the documents once a query. So it is put in a file.

import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addAbortSignal } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CommandError } from '../exit-codes.ts';
import type { Source } from './sources.ts';

export interface Spool {
  readonly sources: readonly Source[];
  readonly remove: () => Promise<void>;
}

/** Sources that can be read again. @throws CommandError `input` when standard input cannot be kept */
export async function spoolStdin(sources: readonly Source[], signal: AbortSignal): Promise<Spool> {
  if (sources.every(({ path }) => path !== null)) return { sources, remove: async () => {} };
  const directory = await mkdtemp(join(tmpdir(), 'crossrank-'));
  const remove = () => rm(directory, { recursive: true, force: true });
  const path = join(directory, 'stdin');
  try {
    await pipeline(addAbortSignal(signal, process.stdin), createWriteStream(path), { signal });
    const { size } = await stat(path);
    return { sources: sources.map((source) => (source.path === null ? { ...source, path, sizeBytes: size } : source)), remove };
  } catch (error) {
    await remove();
    if (signal.aborted) throw error;
    throw new CommandError('input', `cannot keep standard input in ${directory}: ${(error as Error).message}`, { cause: error });
  }
}

// Writing so that a reader sees the old file, or the new one, or none: never half of one, not after a power cut either.

import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Replaces a small file by rename. */
export async function writeFileWhole(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'w');
    await file.writeFile(text).finally(() => file.close());
    await syncPath(temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncPath(dirname(path));
}

/** Brings a file's bytes, or a directory's names, to the disk. */
export async function syncPath(path: string): Promise<void> {
  const file = await open(path, 'r');
  // Some file systems cannot sync a directory; the rename is atomic all the same.
  await file.sync().catch(() => {});
  await file.close();
}

/**
 * Makes a directory and those above it. Node's own recursive mkdir never returns where the system says that a directory
 * which is there is not (`/proc`).
 */
export async function makeDirectory(path: string): Promise<void> {
  const error = await mkdirError(path);
  if (error === null || error.code === 'EEXIST') return;
  if (error.code !== 'ENOENT' || dirname(path) === path) throw error;
  await makeDirectory(dirname(path));
  const again = await mkdirError(path);
  if (again !== null && again.code !== 'EEXIST') throw again;
}

function mkdirError(path: string): Promise<NodeJS.ErrnoException | null> {
  return mkdir(path).then(
    () => null,
    (error: NodeJS.ErrnoException) => error,
  );
}

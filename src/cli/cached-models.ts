// Models on this machine as `crossrank models` and `crossrank remove` see them: what the hub's cache holds, and the copies prepared from it.

import { join, sep } from 'node:path';
import type { Config } from '../config.ts';
import { type CachedModel, scanCache } from '../model/hub/cache-scan.ts';
import { CopyStore, copyBytes, type PreparedCopy } from '../model/prepared/copy-store.ts';

/** A copy and what it takes on the disk. */
export interface CopyOnDisk {
  readonly copy: PreparedCopy;
  readonly bytes: number;
}

export interface ModelsOnDisk {
  readonly models: readonly { readonly model: CachedModel; readonly copies: readonly CopyOnDisk[] }[];
  /** Prepared from models outside the hub's cache. */
  readonly otherCopies: readonly CopyOnDisk[];
}

/** The store that `serve` and `prepare` write to. */
export function copyStore({ cacheDirectory }: Pick<Config, 'cacheDirectory'>): CopyStore {
  return new CopyStore(join(cacheDirectory, 'prepared'));
}

export async function findModelsOnDisk(config: Pick<Config, 'cacheDirectory' | 'hubCacheDirectory'>): Promise<ModelsOnDisk> {
  const copies = (await copyStore(config).list()).map((copy) => ({ copy, bytes: copyBytes(copy) }));
  const models = scanCache(config.hubCacheDirectory).map((model) => ({
    model,
    copies: copies.filter(({ copy }) => isFrom(copy, model.directory)),
  }));
  const known = new Set(models.flatMap((each) => each.copies));
  return { models, otherCopies: copies.filter((each) => !known.has(each)) };
}

/** Whether a copy was made from a file below a directory. */
export function isFrom({ manifest }: PreparedCopy, directory: string): boolean {
  return manifest.source.startsWith(directory + sep);
}

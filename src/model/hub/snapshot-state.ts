// How much of a model a snapshot holds: whether it can be loaded, and whether that is all the hub would give.

import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type JsonObject, readJsonFile } from '../checked-json.ts';
import { MAX_JSON_BYTES, modulePath } from '../model-files.ts';
import { readOnnxModel } from '../onnx/onnx-model.ts';
import type { CachedRepo } from './cached-repo.ts';
import { chooseFiles } from './file-choice.ts';

export interface SnapshotState {
  readonly directory: string;
  readonly onnxFile: string | null;
  /** Files that are needed, or that the repository is known to have. */
  readonly missing: readonly string[];
  /** Files that change scores when they exist, and nobody has asked the hub yet (a Python tool fetched others only). */
  readonly unknown: readonly string[];
}

export async function inspectSnapshot(repo: CachedRepo, commit: string, onnxFile: string | null): Promise<SnapshotState> {
  const directory = repo.snapshot(commit);
  const has = (path: string): boolean => existsSync(join(directory, path));
  const choice = chooseFiles(has, moduleFolder(directory), onnxFile);
  const tree = await repo.storedTree(commit);
  const doubtful = choice.absent.filter((path) => !repo.isKnownAbsent(commit, path) && (tree === null || tree.has(path)));
  const data = choice.onnxFile === null ? [] : externalDataOf(directory, choice.onnxFile);
  return {
    directory,
    onnxFile: choice.onnxFile,
    missing: [...choice.missing, ...data.filter((path) => !has(path)), ...(tree === null ? [] : doubtful)],
    unknown: tree === null ? doubtful : [],
  };
}

/** Folder of the transformer as modules.json of a snapshot says; `''` without one. */
export function moduleFolder(directory: string): string {
  try {
    return modulePath(readJsonFile(join(directory, 'modules.json'), MAX_JSON_BYTES) as readonly JsonObject[]);
  } catch {
    return ''; // absent; a broken one is told when the model is read
  }
}

/**
 * Files the weights of an ONNX file lie in, beside itself, relative to the snapshot. Read from the graph: names are only a custom
 * (`model.onnx_data`, `model.onnx.data`).
 */
export function externalDataOf(directory: string, onnxFile: string): string[] {
  try {
    const [, ...data] = readOnnxModel(join(directory, onnxFile)).files;
    return data.map((path) => relative(directory, path).replaceAll('\\', '/'));
  } catch {
    return []; // not ONNX: told when it is opened, with the reason
  }
}

// Which files of a repository a cross-encoder needs. Pure; model-files.ts says what is read of them.

import { posix } from 'node:path';
import { ONNX_CANDIDATES, OPTIONAL_FILES, OPTIONAL_ROOT_FILES, REQUIRED_FILES } from '../model-files.ts';

export interface FileChoice {
  /** Files to have, the ONNX file last; external data is known only from the graph. */
  readonly files: readonly string[];
  /** Files that would be read if the repository had them. */
  readonly absent: readonly string[];
  /** Files without which nothing can be loaded. */
  readonly missing: readonly string[];
  readonly onnxFile: string | null;
}

/**
 * @param has      whether the repository (or a snapshot) has a file
 * @param base     folder of the transformer, `''` for the root
 * @param onnxFile named by the user, relative to the root; null for the two usual places
 */
export function chooseFiles(has: (path: string) => boolean, base: string, onnxFile: string | null): FileChoice {
  const inBase = (name: string): string => posix.join(base, name);
  const required = REQUIRED_FILES.map(inBase);
  const candidates = onnxFile === null ? ONNX_CANDIDATES.map(inBase) : [onnxFile];
  const chosen = candidates.find(has) ?? null;
  const before = chosen === null ? [] : candidates.slice(0, candidates.indexOf(chosen));
  const optional = [...OPTIONAL_ROOT_FILES, ...OPTIONAL_FILES.map(inBase)];
  return {
    files: [...required.filter(has), ...optional.filter(has), ...(chosen === null ? [] : [chosen])],
    absent: [...optional.filter((path) => !has(path)), ...before],
    missing: [...required.filter((path) => !has(path)), ...(chosen === null ? [candidates.join(' or ')] : [])],
    onnxFile: chosen,
  };
}

export function onnxFilesOf(paths: Iterable<string>): string[] {
  return [...paths].filter((path) => path.endsWith('.onnx')).sort();
}

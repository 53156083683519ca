// What a prepared copy depends on, as one key. Two starts with the same key may share the copy; anything else needs another.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Dtype } from '../../protocol.ts';
import type { CpuFeatures } from '../cpu-features.ts';
import type { HashedFile } from './file-hashes.ts';

/** Raised when the way copies are written changes. */
const FORMAT = 1;

/** Everything that decides the bytes of a copy. */
export interface CopyFacts {
  readonly format: number;
  /** SHA-256 of the ONNX file and of its external data, in the order the graph names them. */
  readonly source: readonly string[];
  readonly runtime: string;
  readonly cpu: CpuFeatures;
  readonly dtype: Dtype;
  readonly packed: boolean;
}

export function copyFacts(files: readonly HashedFile[], cpu: CpuFeatures, dtype: Dtype, packed: boolean): CopyFacts {
  return { format: FORMAT, source: files.map(({ sha256 }) => sha256), runtime: runtimeVersion(), cpu, dtype, packed };
}

/** Hexadecimal; equal facts give equal keys. */
export function copyKey({ format, source, runtime, cpu, dtype, packed }: CopyFacts): string {
  const parts = [format, source, runtime, cpu.arch, cpu.flags, dtype, packed];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}

/** Version of the installed onnxruntime, read from its package: the main thread never loads the runtime itself. */
export function runtimeVersion(): string {
  const path = createRequire(import.meta.url).resolve('onnxruntime-node/package.json');
  return (JSON.parse(readFileSync(path, 'utf8')) as { readonly version: string }).version;
}

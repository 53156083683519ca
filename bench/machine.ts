// Where and with what a result was measured.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, loadavg, totalmem } from 'node:os';
import { usableCores } from '../src/limits.ts';
import { VERSION } from '../src/version.ts';
import { ROOT } from './paths.ts';

/** Above this the result is marked busy. */
export const BUSY_LOAD = 0.5;

/** Above this nothing is measured without --force. */
export const REFUSED_LOAD = 1;

export interface Provenance {
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly memory_gib: number;
    readonly flags: readonly string[];
  };
  readonly versions: { readonly node: string; readonly onnxruntime: string; readonly crossrank: string };
  readonly commit: { readonly revision: string; readonly dirty: boolean };
  readonly date: string;
  /** Mean number of runnable processes over the minute before. */
  readonly load_before: number;
  readonly busy: boolean;
  readonly quick: boolean;
}

export function provenance(quick: boolean): Provenance {
  const load = loadavg()[0]!;
  return {
    machine: {
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      cores: usableCores(),
      memory_gib: Math.round(totalmem() / 2 ** 30),
      flags: cpuFlags(),
    },
    versions: { node: process.version, onnxruntime: runtimeVersion(), crossrank: VERSION },
    commit: commit(),
    date: new Date().toISOString(),
    load_before: Math.round(load * 100) / 100,
    busy: load > BUSY_LOAD,
    quick,
  };
}

/** Whether the CPU multiplies int8 in one instruction. */
export function hasInt8Dot(flags: readonly string[]): boolean {
  return flags.some((flag) => ['avx512_vnni', 'avx_vnni', 'asimddp', 'amx_int8'].includes(flag));
}

const TOLD_FLAGS = /^(avx2|fma|avx512f|avx512bw|avx512_vnni|avx_vnni|amx_int8|asimd|asimddp|i8mm|sve)$/;

function cpuFlags(): string[] {
  try {
    const line = /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'));
    return (line?.[1] ?? '').split(/\s+/).filter((flag) => TOLD_FLAGS.test(flag));
  } catch {
    return []; // not Linux
  }
}

function runtimeVersion(): string {
  const path = createRequire(import.meta.url).resolve('onnxruntime-node/package.json');
  return (JSON.parse(readFileSync(path, 'utf8')) as { readonly version: string }).version;
}

function commit(): Provenance['commit'] {
  try {
    const git = (...args: string[]): string => execFileSync('git', ['-C', ROOT, ...args], { encoding: 'utf8', stdio: 'pipe' });
    // Results are no part of what is measured: those of the part before would make this one look changed.
    const changes = git('status', '--porcelain', '--', '.', ':!bench/results');
    return { revision: git('rev-parse', 'HEAD').trim(), dirty: changes.trim() !== '' };
  } catch {
    return { revision: 'unknown', dirty: true };
  }
}

// What this machine's CPU can do with 8-bit integers, and the features a prepared copy of a model depends on.

import { readFileSync } from 'node:fs';

export interface CpuFeatures {
  /** As Node names it: `x64`, `arm64`. */
  readonly arch: string;
  /** Features the runtime chooses its kernels by, sorted: part of a cache key. Empty where they cannot be read. */
  readonly flags: readonly string[];
  /** Whether four 8-bit products are summed in 32 bits at once. An x86 CPU without it sums two in 16 bits, which saturates. */
  readonly hasInt8Dot: boolean;
}

/** Arch -> flags of /proc/cpuinfo that decide which kernels of the runtime run. */
const RELEVANT: Readonly<Record<string, readonly string[]>> = {
  x64: [
    'amx_bf16',
    'amx_int8',
    'amx_tile',
    'avx',
    'avx2',
    'avx512_bf16',
    'avx512_vnni',
    'avx512bw',
    'avx512dq',
    'avx512f',
    'avx512vl',
    'avx_vnni',
    'f16c',
    'fma',
    'sse4_1',
  ],
  arm64: ['asimd', 'asimddp', 'asimdhp', 'bf16', 'i8mm', 'sme', 'sme2', 'sve', 'sve2'],
};

const INT8_DOT = ['avx512_vnni', 'avx_vnni', 'asimddp'];

/**
 * Reads the features from the text of /proc/cpuinfo.
 *
 * On a machine of unlike cores only what all of them have counts: a thread may run on any.
 *
 * @param text '' where there is no such file; nothing is assumed then
 */
export function parseCpuInfo(text: string, arch: string): CpuFeatures {
  const cores = [...text.matchAll(/^(?:flags|Features)[ \t]*:(.*)$/gm)].map((match) => new Set(match[1]!.trim().split(/\s+/)));
  const relevant = RELEVANT[arch] ?? [];
  const flags = cores.length === 0 ? [] : relevant.filter((flag) => cores.every((core) => core.has(flag)));
  return { arch, flags, hasInt8Dot: flags.some((flag) => INT8_DOT.includes(flag)) };
}

/** The features of this machine; conservative where the system does not tell. */
export function readCpuFeatures(): CpuFeatures {
  // Every Mac with its own chip has it, and no /proc.
  if (process.platform === 'darwin' && process.arch === 'arm64') return { arch: 'arm64', flags: ['asimddp'], hasInt8Dot: true };
  try {
    return parseCpuInfo(readFileSync('/proc/cpuinfo', 'utf8'), process.arch);
  } catch {
    return parseCpuInfo('', process.arch);
  }
}

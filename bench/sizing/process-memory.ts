// Memory of processes, from /proc: what no file backs, because only that cannot be taken back. NaN where there is no /proc.

import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessMemory {
  /** Heap, working memory, private weights. */
  readonly anonymousMebibytes: number;
  /** Code and mapped copies that are resident, what several threads or processes map counted once among them. */
  readonly fileMebibytes: number;
}

export function processMemory(pid: number): ProcessMemory {
  const status = readText(`/proc/${pid}/status`);
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? Number.NaN) / 1024;
  return { anonymousMebibytes: field('RssAnon'), fileMebibytes: mappedMebibytes(pid) };
}

/** Proportional: resident sizes would count the one copy again for each worker that maps it. Needs Linux 5.9. */
function mappedMebibytes(pid: number): number {
  const rollup = readText(`/proc/${pid}/smaps_rollup`);
  return Number(/^Pss_File:\s+(\d+)/m.exec(rollup)?.[1] ?? Number.NaN) / 1024;
}

const SAMPLE_MS = 20;

/**
 * The most anonymous memory that all children of this process and theirs had together while something was done.
 *
 * @returns what it gave, and the peak in MiB
 */
export async function peakOfChildren<T>(task: () => Promise<T>): Promise<{ readonly result: T; readonly mebibytes: number }> {
  let peak = Number.NaN;
  const sample = (): void => {
    const now = descendants(process.pid).reduce((sum, pid) => sum + (processMemory(pid).anonymousMebibytes || 0), 0);
    if (!(now <= peak)) peak = now;
  };
  const timer = setInterval(sample, SAMPLE_MS);
  try {
    return { result: await task(), mebibytes: peak };
  } finally {
    clearInterval(timer);
  }
}

function descendants(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readProcesses()) {
    // The name of the program, in brackets, may hold spaces: the parent is the second field behind it.
    const parent = readText(`/proc/${name}/stat`).split(') ').at(-1)?.split(' ')[1];
    if (parent !== undefined) parents.set(Number(name), Number(parent));
  }
  const found = [root];
  for (const pid of found) for (const [child, parent] of parents) if (parent === pid) found.push(child);
  return found.slice(1);
}

function readProcesses(): string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return []; // not Linux
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // it has ended meanwhile
  }
}

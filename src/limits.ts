// What this process may use: cores and memory, containers' limits included. Reads cgroup files only; any main-thread module may import it.

import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { join, posix } from 'node:path';

/** Where limits are read; tests inject a directory tree and a machine. */
export interface LimitSources {
  /** Directory under which `proc/self/cgroup` and `sys/fs/cgroup` lie. */
  readonly root: string;
  /** Cores of the machine that the scheduler lets this process use. */
  readonly machineCores: number;
  /** Bytes of physical memory. */
  readonly machineMemoryBytes: number;
}

/** The cgroup of this process, paths as `/proc/self/cgroup` gives them. */
export interface CgroupPaths {
  /** Path in the unified (v2) hierarchy; null when there is none. */
  readonly unified: string | null;
  /** Path by v1 controller name (`cpu`, `memory`, ...). */
  readonly byController: ReadonlyMap<string, string>;
}

/**
 * Cores this process can keep busy: the machine's, or the CPU quota when it is smaller. At least 1.
 *
 * A quota of 2.5 cores gives 2: the rest runs the front end, and a third worker would only make the
 * kernel throttle all threads, probes included. libuv of Node 20 does not read quotas.
 */
export function usableCores(sources: LimitSources = machineSources()): number {
  const paths = readCgroupPaths(sources.root);
  const quotas = [
    ...unifiedFiles(sources.root, paths, 'cpu.max').map(parseCpuMax),
    ...controllerDirectories(sources.root, paths, 'cpu').map(readV1Quota),
  ];
  return Math.max(1, Math.min(sources.machineCores, Math.floor(smallest(quotas))));
}

/** Bytes of memory this process may use: the smallest limit of its cgroup and the parents, else the machine's. */
export function memoryLimitBytes(sources: LimitSources = machineSources()): number {
  const paths = readCgroupPaths(sources.root);
  const limits = [
    ...unifiedFiles(sources.root, paths, 'memory.max').map(parseByteLimit),
    ...controllerDirectories(sources.root, paths, 'memory').map((directory) =>
      parseByteLimit(readText(join(directory, 'memory.limit_in_bytes'))),
    ),
  ];
  return Math.min(sources.machineMemoryBytes, smallest(limits));
}

/** Parses `/proc/self/cgroup`: lines of `id:controllers:path`, where v2 has id 0 and no controllers. */
export function parseCgroupPaths(text: string): CgroupPaths {
  const byController = new Map<string, string>();
  let unified: string | null = null;
  for (const line of text.split('\n')) {
    const match = /^(\d+):([^:]*):(\/.*)$/.exec(line);
    if (match === null) continue;
    const [, id, controllers, path] = match as unknown as [string, string, string, string];
    if (id === '0' && controllers === '') unified = path;
    else for (const controller of controllers.split(',')) byController.set(controller, path);
  }
  return { unified, byController };
}

/** Cores of a v2 `cpu.max` (`quota period` in microseconds, or `max period`); null for no limit. */
export function parseCpuMax(text: string | null): number | null {
  const [quota, period] = (text ?? '').trim().split(/\s+/);
  return ratio(Number(quota), Number(period ?? '100000'));
}

/** Bytes of a v2 `memory.max` or v1 `memory.limit_in_bytes`; null for `max`. v1 writes "no limit" as a huge number, which no machine has. */
export function parseByteLimit(text: string | null): number | null {
  const bytes = Number((text ?? '').trim() || Number.NaN);
  return Number.isFinite(bytes) && bytes > 0 ? bytes : null;
}

function machineSources(): LimitSources {
  return { root: '/', machineCores: availableParallelism(), machineMemoryBytes: totalmem() };
}

function readCgroupPaths(root: string): CgroupPaths {
  return parseCgroupPaths(readText(join(root, 'proc/self/cgroup')) ?? '');
}

/** Contents of a v2 file in the process's cgroup and every parent; hybrid systems mount v2 at `unified`. */
function unifiedFiles(root: string, paths: CgroupPaths, file: string): (string | null)[] {
  if (paths.unified === null) return [];
  return ['sys/fs/cgroup', 'sys/fs/cgroup/unified'].flatMap((mount) =>
    withParents(paths.unified!).map((path) => readText(join(root, mount, path, file))),
  );
}

/** Directories of a v1 controller for the process's cgroup and every parent; `cpu` is often mounted as `cpu,cpuacct`. */
function controllerDirectories(root: string, paths: CgroupPaths, controller: string): string[] {
  const path = paths.byController.get(controller);
  if (path === undefined) return [];
  const mounts = [controller, `${controller},cpuacct`, `cpuacct,${controller}`];
  return mounts.flatMap((mount) => withParents(path).map((part) => join(root, 'sys/fs/cgroup', mount, part)));
}

/**
 * `/a/b` -> `/a/b`, `/a`, `/`. Inside a container the path is often the host's and only the root exists here: that one holds the container's limit.
 */
function withParents(path: string): string[] {
  const parents = [path];
  while (parents.at(-1) !== '/') parents.push(posix.dirname(parents.at(-1)!));
  return parents;
}

/** Cores of a v1 quota; -1 means none. */
function readV1Quota(directory: string): number | null {
  const quota = readText(join(directory, 'cpu.cfs_quota_us'));
  const period = readText(join(directory, 'cpu.cfs_period_us'));
  return quota === null || period === null ? null : ratio(Number(quota), Number(period));
}

function ratio(quota: number, period: number): number | null {
  return quota > 0 && period > 0 ? quota / period : null; // NaN (from `max`) fails the comparison
}

function smallest(values: readonly (number | null)[]): number {
  return Math.min(Number.POSITIVE_INFINITY, ...values.filter((value) => value !== null));
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null; // absent or not readable: no limit known from this file
  }
}

// Cores and memory from cgroup trees as v1, v2, hybrid systems and containers lay them out.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  type LimitSources,
  memoryLimitBytes,
  parseByteLimit,
  parseCgroupPaths,
  parseCpuMax,
  usableCores,
} from '../src/limits.ts';

const GIB = 2 ** 30;

test('without limits the machine counts', (t) => {
  const sources = machine(t, {});
  assert.deepEqual([usableCores(sources), memoryLimitBytes(sources)], [16, 64 * GIB]);
  assert.ok(usableCores() >= 1 && memoryLimitBytes() > 0);
});

test('v2: the own cgroup and its parents, the smallest wins', (t) => {
  const sources = machine(t, {
    'proc/self/cgroup': '0::/pods/web\n',
    'sys/fs/cgroup/pods/cpu.max': '350000 100000\n',
    'sys/fs/cgroup/pods/web/cpu.max': 'max 100000\n',
    'sys/fs/cgroup/pods/memory.max': `${4 * GIB}\n`,
    'sys/fs/cgroup/pods/web/memory.max': 'max\n',
  });
  assert.deepEqual([usableCores(sources), memoryLimitBytes(sources)], [3, 4 * GIB]);
});

test("v2 in a container: the path is the host's, the limit lies at the root", (t) => {
  const sources = machine(t, {
    'proc/self/cgroup': '0::/system.slice/docker-abc.scope\n',
    'sys/fs/cgroup/cpu.max': '50000 100000',
    'sys/fs/cgroup/memory.max': String(GIB),
  });
  assert.deepEqual([usableCores(sources), memoryLimitBytes(sources)], [1, GIB]);
});

test('v1: quota and period in microseconds, -1 for none', (t) => {
  const files = {
    'proc/self/cgroup': '4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n1:name=systemd:/\n',
    'sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us': '250000\n',
    'sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us': '50000\n',
    'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '-1\n',
    'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
    'sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes': `${2 * GIB}\n`,
    'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
  };
  const sources = machine(t, files);
  assert.deepEqual([usableCores(sources), memoryLimitBytes(sources)], [5, 2 * GIB]);
});

test('hybrid: v1 controllers beside an empty unified hierarchy', (t) => {
  const sources = machine(t, {
    'proc/self/cgroup': '1:cpu:/\n4:memory:/app\n0::/\n',
    'sys/fs/cgroup/unified/cgroup.procs': '',
    'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1',
    'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000',
    'sys/fs/cgroup/memory/app/memory.limit_in_bytes': String(3 * GIB),
  });
  assert.deepEqual([usableCores(sources), memoryLimitBytes(sources)], [16, 3 * GIB]);
});

test('a quota above the machine changes nothing; a tiny one leaves one core', (t) => {
  const quota = (text: string) => machine(t, { 'proc/self/cgroup': '0::/', 'sys/fs/cgroup/cpu.max': text });
  assert.equal(usableCores(quota('6400000 100000')), 16);
  assert.equal(usableCores(quota('1000 100000')), 1);
});

test('parsers', () => {
  assert.deepEqual(['200000 100000', 'max 100000', 'max', '150000', '', 'nonsense', null].map(parseCpuMax), [
    2,
    null,
    null,
    1.5,
    null,
    null,
    null,
  ]);
  assert.deepEqual(['1024\n', 'max', '', '-1', 'x', null].map(parseByteLimit), [1024, null, null, null, null, null]);
  const { unified, byController } = parseCgroupPaths('12:cpu,cpuacct:/a\n0::/b:c\nbroken\n');
  assert.equal(unified, '/b:c');
  assert.deepEqual([...byController], [['cpu', '/a'], ['cpuacct', '/a']]); // biome-ignore format: pairs
});

/** A machine of 16 cores and 64 GiB with these files. */
function machine(test: TestContext, files: Readonly<Record<string, string>>): LimitSources {
  const root = mkdtempSync(join(tmpdir(), 'crossrank-'));
  test.after(() => rmSync(root, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return { root, machineCores: 16, machineMemoryBytes: 64 * GIB };
}

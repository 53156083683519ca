import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCpuInfo, readCpuFeatures } from '../../src/model/cpu-features.ts';

const ZEN4 = `processor\t: 0
vendor_id\t: AuthenticAMD
flags\t\t: fpu vme sse4_1 avx f16c avx2 fma avx512f avx512dq avx512bw avx512vl avx512_bf16 avx512_vnni
bugs\t\t: sysret_ss_attrs spectre_v1
vmx flags\t: vnmi avx_vnni

processor\t: 1
flags\t\t: fpu vme sse4_1 avx f16c avx2 fma avx512f avx512dq avx512bw avx512vl avx512_bf16 avx512_vnni
`;
const HASWELL = 'processor\t: 0\nflags\t\t: fpu sse4_1 avx f16c avx2 fma\n';
const GRAVITON3 = 'processor\t: 0\nBogoMIPS\t: 2100.00\nFeatures\t: fp asimd evtstrm asimdhp asimddp sve i8mm bf16\n';
const CORTEX_A53 = 'processor\t: 0\nFeatures\t: fp asimd evtstrm crc32\n';

test('x86 with VNNI', () => {
  const { arch, flags, hasInt8Dot } = parseCpuInfo(ZEN4, 'x64');
  assert.equal(arch, 'x64');
  assert.equal(hasInt8Dot, true);
  assert.deepEqual(flags, [...flags].sort());
  assert.ok(flags.includes('avx512_vnni') && !flags.includes('fpu'));
});

test('flags of other lines do not count', () => {
  assert.ok(!parseCpuInfo(ZEN4, 'x64').flags.includes('avx_vnni'));
  assert.equal(parseCpuInfo(HASWELL.replace('flags', 'vmx flags'), 'x64').flags.length, 0);
});

test('x86 without VNNI', () => {
  assert.deepEqual(parseCpuInfo(HASWELL, 'x64'), {
    arch: 'x64',
    flags: ['avx', 'avx2', 'f16c', 'fma', 'sse4_1'],
    hasInt8Dot: false,
  });
  assert.equal(parseCpuInfo(`${HASWELL.trim()} avx_vnni\n`, 'x64').hasInt8Dot, true);
});

test('arm64 with and without dot product', () => {
  assert.deepEqual(parseCpuInfo(GRAVITON3, 'arm64').flags, ['asimd', 'asimddp', 'asimdhp', 'bf16', 'i8mm', 'sve']);
  assert.equal(parseCpuInfo(GRAVITON3, 'arm64').hasInt8Dot, true);
  assert.equal(parseCpuInfo(CORTEX_A53, 'arm64').hasInt8Dot, false);
});

test('of unlike cores only what all have counts', () => {
  assert.deepEqual(parseCpuInfo(`${GRAVITON3}\n${CORTEX_A53}`, 'arm64'), { arch: 'arm64', flags: ['asimd'], hasInt8Dot: false });
});

test('nothing is assumed where nothing can be read', () => {
  assert.deepEqual(parseCpuInfo('', 'x64'), { arch: 'x64', flags: [], hasInt8Dot: false });
  assert.deepEqual(parseCpuInfo(HASWELL, 'riscv64'), { arch: 'riscv64', flags: [], hasInt8Dot: false });
});

test('this machine can be read', () => {
  const features = readCpuFeatures();
  assert.equal(features.arch, process.arch);
  if (process.platform === 'linux' && process.arch === 'x64') assert.ok(features.flags.includes('sse4_1'));
});

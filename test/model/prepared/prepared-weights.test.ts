// Prepared weights end to end: made once by a process of its own, found again, rebuilt when damaged, done without when the disk says no.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { RerankError } from '../../../src/errors.ts';
import { loadModelSpec } from '../../../src/model/model-spec.ts';
import { quantizeModel } from '../../../src/model/onnx/quantize-model.ts';
import {
  type PreparedEvent,
  PreparedWeights,
  type PreparedWeightsOptions,
} from '../../../src/model/prepared/prepared-weights.ts';
import { ownWeightsSource } from '../../../src/model/weights.ts';
import { WorkerPool } from '../../../src/pool/worker-pool.ts';
import type { ModelSpec, ModelWeights, WeightsSource } from '../../../src/protocol.ts';
import { DEFAULT_RERANKER_OPTIONS, Reranker } from '../../../src/rerank/reranker.ts';
import { DEFAULT_SCORING } from '../../../src/rerank/types.ts';
import { oracleModel } from '../../helpers/oracle.ts';

const root = mkdtempSync(join(tmpdir(), 'crossrank-prepared-'));
after(() => rmSync(root, { recursive: true }));

const NEVER = new AbortController().signal;
const QUERY = 'how many people live in Berlin?';
const DOCUMENTS = [
  'Berlin has many inhabitants.',
  'New York is a city.',
  'cats',
  'a much longer text about Berlin and its people',
];

let count = 0;
/** A model of its own, so that a test may change it, and an empty cache. */
function fixture(family = 'bert'): { spec: ModelSpec; cacheDirectory: string } {
  count += 1;
  const directory = join(root, `model-${count}`);
  cpSync(oracleModel(family), directory, { recursive: true });
  const spec = loadModelSpec(directory, { id: null, onnxFile: null, maxLength: null, pairTemplate: null });
  return { spec, cacheDirectory: join(root, `cache-${count}`) };
}

function source(options: Omit<PreparedWeightsOptions, 'dtype' | 'pack'> & Partial<PreparedWeightsOptions>): {
  weights: PreparedWeights;
  events: PreparedEvent['kind'][];
} {
  const events: PreparedEvent['kind'][] = [];
  const onEvent = ({ kind }: PreparedEvent): void => {
    if (kind !== 'progress') events.push(kind);
  };
  return { weights: new PreparedWeights({ dtype: 'float32', pack: true, onEvent, ...options }), events };
}

async function scores(spec: ModelSpec, weights: WeightsSource): Promise<{ values: Float32Array; packed: boolean }> {
  const pool = await WorkerPool.start({ spec, weights, workers: 1, cpuMemArena: false });
  try {
    const context = { id: 'test', deadlineMs: Number.POSITIVE_INFINITY, signal: null };
    const pairs = DOCUMENTS.map((text) => [QUERY, text] as const);
    const { logits } = await new Reranker(pool, DEFAULT_RERANKER_OPTIONS).predict({ ...DEFAULT_SCORING, pairs }, context);
    return { values: logits, packed: pool.facts.packed };
  } finally {
    await pool.close(Number.POSITIVE_INFINITY);
  }
}

function assertSame(actual: Float32Array, expected: Float32Array): void {
  assert.equal(actual.length, expected.length);
  for (const [i, value] of actual.entries()) assert.ok(Math.abs(value - expected[i]!) <= 1e-6, `${value}, not ${expected[i]}`);
}

function dataFile(weights: ModelWeights): string {
  return `${weights.onnxFile}.data`;
}

test('made once, found again, and scoring as the model’s own file', async () => {
  const { spec, cacheDirectory } = fixture();
  const own = await scores(spec, ownWeightsSource(spec));
  for (const expected of [['preparing', 'prepared'], []]) {
    const { weights, events } = source({ spec, cacheDirectory });
    const packed = await scores(spec, weights);
    assert.equal(packed.packed, true);
    assertSame(packed.values, own.values);
    assert.deepEqual(events, expected);
  }
});

test('external data is read, and a touched file is hashed again without a new copy', async () => {
  const { spec, cacheDirectory } = fixture('external-data');
  const own = await scores(spec, ownWeightsSource(spec));
  assertSame((await scores(spec, source({ spec, cacheDirectory }).weights)).values, own.values);
  utimesSync(spec.onnxFile, new Date(), new Date());
  const again = source({ spec, cacheDirectory });
  await again.weights.open(NEVER);
  assert.deepEqual(again.events, []);
});

test('changed weights get a copy of their own, and the old one goes', async () => {
  const { spec, cacheDirectory } = fixture();
  await source({ spec, cacheDirectory }).weights.open(NEVER);
  // Another family with the same file name and inputs: what an updated model looks like.
  const other = loadModelSpec(oracleModel('electra'), { id: null, onnxFile: null, maxLength: null, pairTemplate: null });
  cpSync(other.onnxFile, spec.onnxFile);
  cpSync(other.tokenizerFile, spec.tokenizerFile);
  const changed = source({ spec, cacheDirectory });
  const packed = await scores(spec, changed.weights);
  assert.deepEqual(changed.events, ['evicted', 'preparing', 'prepared']);
  assertSame(packed.values, (await scores(spec, ownWeightsSource(spec))).values);
  assert.equal(readdirSync(join(cacheDirectory, 'prepared')).length, 1);
});

test('foreign content of the right size is noticed and rebuilt', async () => {
  const { spec, cacheDirectory } = fixture();
  const own = await scores(spec, ownWeightsSource(spec));
  const first = await source({ spec, cacheDirectory }).weights.open(NEVER);
  const bytes = readFileSync(dataFile(first));
  writeFileSync(
    dataFile(first),
    bytes.map((byte, i) => (i % 4 === 3 ? byte : byte ^ 0x55)),
  );
  const damaged = source({ spec, cacheDirectory });
  const packed = await scores(spec, damaged.weights);
  assertSame(packed.values, own.values);
  assert.deepEqual(damaged.events, ['rejected', 'preparing', 'prepared']);
  assert.deepEqual(readFileSync(dataFile(first)), bytes);
});

test('a graph that cannot be parsed and a file cut short are rebuilt too', async () => {
  const { spec, cacheDirectory } = fixture();
  const first = await source({ spec, cacheDirectory }).weights.open(NEVER);
  writeFileSync(first.onnxFile, Buffer.alloc(statSync(first.onnxFile).size, 0xff));
  const unparsable = source({ spec, cacheDirectory });
  await scores(spec, unparsable.weights);
  assert.deepEqual(unparsable.events, ['rejected', 'preparing', 'prepared']);
  truncateSync(dataFile(first), 100);
  const short = source({ spec, cacheDirectory });
  await scores(spec, short.weights);
  assert.deepEqual(short.events, ['preparing', 'prepared']);
});

test('one flipped byte, and bytes put at the end, are seen before the copy is opened, and by the full check', async () => {
  const { spec, cacheDirectory } = fixture();
  const first = await source({ spec, cacheDirectory }).weights.open(NEVER);
  const bytes = readFileSync(dataFile(first));
  for (const place of [0, Math.floor(bytes.length * 0.35), bytes.length - 1]) {
    writeFileSync(
      dataFile(first),
      bytes.map((byte, i) => (i === place ? byte ^ 1 : byte)),
    );
    const opened = source({ spec, cacheDirectory });
    await opened.weights.open(NEVER);
    assert.deepEqual(opened.events, ['rejected', 'preparing', 'prepared'], `byte ${place}`);
    assert.deepEqual(readFileSync(dataFile(first)), bytes);
  }
  appendFileSync(dataFile(first), 'x');
  await source({ spec, cacheDirectory }).weights.open(NEVER);
  assert.deepEqual(readFileSync(dataFile(first)), bytes);
  writeFileSync(dataFile(first), Buffer.alloc(bytes.length));
  const { weights } = source({ spec, cacheDirectory });
  assert.deepEqual((await weights.verify(NEVER)).damaged, ['model.onnx.data']);
  assert.deepEqual((await weights.verify(NEVER)).damaged, []);
});

test('noise with the time and the size of the file it takes the place of is seen', async () => {
  const { spec, cacheDirectory } = fixture();
  const first = await source({ spec, cacheDirectory }).weights.open(NEVER);
  const { atime, mtime, size } = statSync(dataFile(first));
  const start = Math.floor(size * 0.35);
  const bytes = readFileSync(dataFile(first));
  writeFileSync(dataFile(first), Buffer.concat([bytes.subarray(0, start), Buffer.alloc(64, 7), bytes.subarray(start + 64)]));
  utimesSync(dataFile(first), atime, mtime);
  const again = source({ spec, cacheDirectory });
  await again.weights.open(NEVER);
  assert.deepEqual(again.events, ['rejected', 'preparing', 'prepared']);
});

test('a copy is read once: the second start believes size, times and inode', async () => {
  const { spec, cacheDirectory } = fixture();
  const first = await source({ spec, cacheDirectory }).weights.open(NEVER);
  const digests = join(cacheDirectory, 'digests');
  const forget = (): void => {
    for (const name of readdirSync(digests)) rmSync(join(digests, name));
  };
  const copyRecord = (): string[] =>
    readdirSync(digests).filter((name) => readFileSync(join(digests, name), 'utf8').includes(dataFile(first)));
  assert.equal(copyRecord().length, 1, 'writing a copy remembers its digests');
  forget();
  await source({ spec, cacheDirectory }).weights.open(NEVER);
  const [record] = copyRecord();
  // A digest that was never computed is believed as long as the stamp holds: so nothing was read.
  const invented = readFileSync(join(digests, record!), 'utf8').replace(/[0-9a-f]{64}/, '0'.repeat(64));
  writeFileSync(join(digests, record!), invented);
  const again = source({ spec, cacheDirectory });
  await again.weights.open(NEVER);
  assert.deepEqual(again.events, ['rejected', 'preparing', 'prepared']);
});

test('a copy whose file became a pipe, or a link to a device, is made again', {
  skip: process.platform === 'win32',
}, async () => {
  const { spec, cacheDirectory } = fixture();
  const first = await source({ spec, cacheDirectory }).weights.open(NEVER);
  const replacements = [
    () => execFileSync('mkfifo', [dataFile(first)]),
    () => symlinkSync('/dev/zero', dataFile(first)),
    () => mkdirSync(dataFile(first)),
  ];
  for (const replace of replacements) {
    rmSync(dataFile(first));
    replace();
    await source({ spec, cacheDirectory }).weights.open(NEVER);
    assert.equal(lstatSync(dataFile(first)).isFile(), true);
  }
});

test('a copy whose check does not hold is rejected at warm-up', async () => {
  const { spec, cacheDirectory } = fixture();
  const first = await source({ spec, cacheDirectory }).weights.open(NEVER);
  const manifest = join(dirname(first.onnxFile), 'manifest.json');
  writeFileSync(manifest, readFileSync(manifest, 'utf8').replace(/"logits":\[[^\]]*\]/, '"logits":[7]'));
  const { weights, events } = source({ spec, cacheDirectory });
  await scores(spec, weights);
  assert.deepEqual(events, ['rejected', 'preparing', 'prepared']);
});

test('two starts at once end with one copy that both use', async () => {
  const { spec, cacheDirectory } = fixture();
  const opened = await Promise.all([1, 2].map(() => source({ spec, cacheDirectory }).weights.open(NEVER)));
  assert.equal(opened[0]!.onnxFile, opened[1]!.onnxFile);
  assert.equal(readdirSync(join(cacheDirectory, 'prepared')).length, 1);
});

test('a disk that takes nothing means the plain load, checked for memory, with a warning', async () => {
  const { spec } = fixture();
  const file = join(root, 'not-a-directory');
  writeFileSync(file, '');
  let checks = 0;
  const checkOwn = (): void => {
    checks += 1;
  };
  const { weights, events } = source({ spec, cacheDirectory: join(file, 'cache'), checkOwn });
  assert.equal((await scores(spec, weights)).packed, false);
  assert.deepEqual(events, ['fallback']);
  assert.equal(checks, 1);
});

test('a cache directory that cannot exist is told, and ends no start', {
  skip: !existsSync('/proc/self') && 'no /proc',
}, async () => {
  const { spec } = fixture();
  const { weights, events } = source({ spec, cacheDirectory: '/proc/crossrank' });
  assert.equal((await weights.open(NEVER)).packed, false);
  assert.deepEqual(events, ['fallback']);
});

test('int8 is never exchanged for float32: without a place to write the start is refused', async () => {
  const { spec } = fixture();
  const file = join(root, 'not-a-directory-either');
  writeFileSync(file, '');
  const { weights } = source({ spec, cacheDirectory: join(file, 'cache'), dtype: 'int8' });
  await assert.rejects(weights.open(NEVER), (error: unknown) => {
    assert.ok(error instanceof RerankError && error.code === 'config');
    assert.match(error.message, /--dtype int8 needs a quantised copy of the model, and it cannot be made: ENOTDIR/);
    return true;
  });
});

test('a model at fault is told as such, and leaves nothing in the cache', async () => {
  const { spec, cacheDirectory } = fixture();
  const { weights, events } = source({ spec: { ...spec, labels: ['a', 'b'] }, cacheDirectory });
  await assert.rejects(weights.open(NEVER), { name: 'RerankError', code: 'model_files' });
  assert.deepEqual(events, ['preparing']);
  assert.deepEqual(readdirSync(join(cacheDirectory, 'prepared')), []);
});

test('a cancelled preparation ends and leaves nothing in the cache', async () => {
  const { spec, cacheDirectory } = fixture();
  const leave = new AbortController();
  const weights = new PreparedWeights({
    spec,
    dtype: 'float32',
    pack: true,
    cacheDirectory,
    onEvent: ({ kind }) => kind === 'preparing' && setTimeout(() => leave.abort(), 20),
  });
  await assert.rejects(weights.open(leave.signal), { name: 'RerankError', code: 'cancelled' });
  assert.deepEqual(readdirSync(join(cacheDirectory, 'prepared')), []);
});

test('a file that is quantised already runs as int8, one pair a run, and is not quantised again', async () => {
  const { spec, cacheDirectory } = fixture();
  await quantizeModel(spec.onnxFile, join(spec.directory, 'model_quantized.onnx'), { reducedRange: true });
  const quantized = { ...spec, onnxFile: join(spec.directory, 'model_quantized.onnx') };
  for (const pack of [true, false]) {
    const weights = await source({ spec: quantized, cacheDirectory, pack }).weights.open(NEVER);
    assert.deepEqual([weights.dtype, weights.packed], ['int8', pack]);
  }
  await assert.rejects(
    source({ spec: quantized, cacheDirectory, dtype: 'int8' }).weights.open(NEVER),
    /is it quantised already\?/,
  );
});

test('int8, packed or not: the same scores, and other than float32', async () => {
  const { spec, cacheDirectory } = fixture();
  const own = await scores(spec, ownWeightsSource(spec));
  const [packed, plain] = [true, false].map((pack) => source({ spec, cacheDirectory, pack, dtype: 'int8' }).weights);
  const int8 = await scores(spec, packed!);
  assert.equal(int8.packed, true);
  assertSame(int8.values, (await scores(spec, plain!)).values);
  assert.notDeepEqual(int8.values, own.values);
});

test('--prepared off opens the model’s own file and writes nothing', async () => {
  const { spec, cacheDirectory } = fixture();
  const weights = await source({ spec, cacheDirectory, pack: false }).weights.open(NEVER);
  assert.deepEqual(weights, { onnxFile: spec.onnxFile, dtype: 'float32', packed: false, check: null });
  assert.throws(() => statSync(cacheDirectory));
  assert.equal(dirname(weights.onnxFile), dirname(spec.onnxFile));
});

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileSink } from '../../../src/cli/rank/output.ts';
import {
  type Checkpoint,
  CheckpointWriter,
  differingParameters,
  FROM_THE_START,
  readState,
} from '../../../src/cli/rank/resume.ts';

const directory = mkdtempSync(join(tmpdir(), 'crossrank-state-'));
after(() => rmSync(directory, { recursive: true }));

const PARAMETERS = { model: 'm', '--top-k': 5, '--prompt': null, '--unsorted': false };
const PLACE: Checkpoint = {
  finished: false,
  queries: 1,
  documents: 2048,
  digest: 'abc',
  kept: [{ corpusId: 3, source: 'a', line: 4, score: Math.fround(0.1), text: 'x' }],
  outputBytes: 6,
};
const noSync = async () => {};

test('a checkpoint comes back as it was; without a state there is none', async () => {
  const output = join(directory, 'a.jsonl');
  assert.equal(await readState(output, PARAMETERS), null);
  const writer = new CheckpointWriter(output, PARAMETERS);
  await writer.save(PLACE, noSync);
  assert.deepEqual(await readState(output, PARAMETERS), PLACE);
  await writer.remove();
  assert.equal(existsSync(`${output}.state`), false);
});

test('the first place is written at once, the next ones at most one a second, the latest when asked', async () => {
  const output = join(directory, 'b.jsonl');
  const writer = new CheckpointWriter(output, PARAMETERS);
  await writer.save({ ...PLACE, documents: 1 }, noSync);
  await writer.save({ ...PLACE, documents: 2 }, noSync);
  await writer.save({ ...PLACE, documents: 3 }, noSync);
  assert.equal((await readState(output, PARAMETERS))?.documents, 1);
  await writer.flush(noSync);
  assert.equal((await readState(output, PARAMETERS))?.documents, 3);
  assert.equal(existsSync(`${output}.state.tmp`), false);
});

test('the output is made durable before the state that counts on it', async () => {
  const output = join(directory, 'c.jsonl');
  const writer = new CheckpointWriter(output, PARAMETERS);
  await writer.save(PLACE, async () => assert.equal(existsSync(`${output}.state`), false));
  assert.equal(existsSync(`${output}.state`), true);
});

test('other parameters are refused by name', async () => {
  const output = join(directory, 'd.jsonl');
  await new CheckpointWriter(output, PARAMETERS).save(PLACE, noSync);
  await assert.rejects(readState(output, { ...PARAMETERS, '--top-k': 9, '--prompt': 'p' }), {
    exit: 'output',
    message: /begun with --top-k 5 \(now 9\), --prompt none \(now p\); use the same, or delete/,
  });
  assert.deepEqual(differingParameters(PARAMETERS, { ...PARAMETERS }), []);
  assert.deepEqual(differingParameters({}, { added: 1 }), ['added none (now 1)']);
});

test('a broken state or one of another version is refused', async () => {
  const output = join(directory, 'e.jsonl');
  for (const text of [
    '{"version":1',
    '{"version":2}',
    '[]',
    JSON.stringify({ version: 1, parameters: {}, checkpoint: { ...FROM_THE_START, documents: -1 } }),
  ]) {
    writeFileSync(`${output}.state`, text);
    await assert.rejects(readState(output, {}), /not a state this version can read/, text);
  }
});

test('a resumed output is cut to what its state vouches for: a half-written line goes away', async () => {
  const output = join(directory, 'f.jsonl');
  writeFileSync(output, '{"a"}\n{"b"}\n{"c');
  const sink = await fileSink(output, 6);
  await sink.write('{"é"}\n');
  assert.equal(sink.bytes, 13);
  await sink.sync();
  await sink.close();
  assert.equal(readFileSync(output, 'utf8'), '{"a"}\n{"é"}\n');
  await assert.rejects(fileSink(output, 99), /it has 13 bytes, its state says 99/);
});

test('a new run empties the file', async () => {
  const output = join(directory, 'g.jsonl');
  writeFileSync(output, 'old');
  const sink = await fileSink(output, null);
  await sink.close();
  assert.equal(readFileSync(output, 'utf8'), '');
  await assert.rejects(fileSink(join(directory, 'absent', 'x'), null), { exit: 'output', message: /cannot write/ });
});

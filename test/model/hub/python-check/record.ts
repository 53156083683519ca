// Records what Python's huggingface_hub makes of our cache, and what we make of its: `node dist/test/model/hub/python-check/record.js PYTHON`,
// with a Python that has huggingface_hub. Writes recorded.json, which interoperability.test.ts replays.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { type ResolvedModel, resolveModel } from '../../../../src/model/hub/resolve-model.ts';
import { repoRoot } from '../../../helpers/paths.ts';
import { StandInHub } from '../../../helpers/stand-in-hub.ts';
import { settingsFor } from '../support.ts';
import { ASKED_NAMES, CHECKED_ID, checkedFiles, RECORDED } from './checked-model.ts';

const [python = 'python3'] = process.argv.slice(2);
const execute = promisify(execFile);
const script = join(repoRoot, 'test/model/hub/python-check/check.py');

const hub = await StandInHub.start();
const root = mkdtempSync(join(tmpdir(), 'crossrank-python-'));
try {
  hub.add(CHECKED_ID, checkedFiles());
  const ours = join(root, 'ours');
  await resolve(ours, false);
  const python_reads_ours = await run('read', ours, ASKED_NAMES);
  const theirs = join(root, 'theirs');
  const python_wrote = await run('write', theirs, []);
  hub.seen.length = 0;
  const { directory, onnxFile } = await resolve(theirs, true);
  const we_read_theirs = { directory: relative(theirs, directory), onnxFile, requests: hub.seen.length };
  const recorded = { recorded_on: new Date().toISOString().slice(0, 10), python_reads_ours, python_wrote, we_read_theirs };
  writeFileSync(RECORDED, `${JSON.stringify(recorded, null, 2)}\n`);
} finally {
  await hub.stop();
  rmSync(root, { recursive: true });
}

async function run(command: string, cache: string, names: readonly string[]): Promise<object> {
  const env = { PATH: process.env.PATH, HF_ENDPOINT: hub.endpoint, HF_HOME: join(root, 'home') };
  const { stdout } = await execute(python, [script, command, CHECKED_ID, cache, ...names], { env });
  return JSON.parse(stdout) as object;
}

function resolve(cache: string, offline: boolean): Promise<ResolvedModel> {
  const settings = { ...settingsFor(hub.endpoint, cache), offline };
  const signal = new AbortController().signal;
  return resolveModel({ model: CHECKED_ID, revision: null, onnxFile: null, settings: () => settings, signal, onEvent: () => {} });
}

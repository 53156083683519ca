// Models of the hub as processes meet them: pull, serve, rank, info, prepare, models, remove, and the library, against the stand-in hub.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { checkedUrl } from '../helpers/checked-front.ts';
import { oracleModel } from '../helpers/oracle.ts';
import { repoRoot } from '../helpers/paths.ts';
import { filesOf, GOOD_TOKEN, StandInHub } from '../helpers/stand-in-hub.ts';
import { Crossrank, type Finished } from './process.ts';

const ID = 'oracle/bert';
const execute = promisify(execFile);

interface Place {
  readonly hub: StandInHub;
  readonly environment: Readonly<Record<string, string>>;
  readonly cache: string;
  readonly run: (...args: string[]) => Promise<Finished>;
}

/** A hub with one model, and an environment whose home and caches are empty. */
async function setUp(t: TestContext): Promise<Place> {
  const hub = await StandInHub.start();
  const home = mkdtempSync(join(tmpdir(), 'crossrank-e2e-hub-'));
  t.after(async () => {
    await hub.stop();
    rmSync(home, { recursive: true, force: true });
  });
  hub.add(ID, filesOf(oracleModel('bert')));
  const environment = { HF_HOME: join(home, 'hf'), HF_ENDPOINT: hub.endpoint, CROSSRANK_CACHE_DIR: join(home, 'crossrank') };
  const run = (...args: string[]) => new Crossrank(t, args, { environment }).finished;
  return { hub, environment, cache: join(home, 'hf', 'hub'), run };
}

test('pull fetches into the cache and prints the directory; again it says nothing; offline it asks nobody', async (t) => {
  const { hub, cache, run } = await setUp(t);
  const first = await run('pull', ID);
  assert.equal(first.code, 0, first.stderr);
  const directory = first.stdout.trim();
  assert.equal(directory, join(cache, 'models--oracle--bert/snapshots', basename(directory)));
  assert.match(
    first.stderr,
    /^crossrank: downloading model=oracle\/bert revision=[0-9a-f]{40} files=5 bytes=\d+\ncrossrank: downloaded directory=\S+ bytes=\d+ ms=\d+\n$/,
  );
  const second = await run('pull', ID, '--quiet');
  assert.deepEqual([second.code, second.stdout, second.stderr], [0, first.stdout, '']);
  hub.seen.length = 0;
  const third = await run('pull', ID, '--offline');
  assert.deepEqual([third.code, third.stdout, third.stderr], [0, first.stdout, '']);
  assert.deepEqual(hub.seen, []);
});

test('pull fails with one message and the right exit code', async (t) => {
  const { hub, run } = await setUp(t);
  hub.add('oracle/gated', filesOf(oracleModel('bert')), 'main', { gated: true });
  const cases: readonly (readonly [args: readonly string[], code: number, message: RegExp])[] = [
    [['oracle/nothing'], 3, /^crossrank: \S+ has no model oracle\/nothing, or it is private and needs a token/],
    [['oracle/gated'], 3, /^crossrank: oracle\/gated is gated: ask for access/],
    [[ID, '--hf-token', 'hf_wrong'], 3, /^crossrank: \S+ refuses the token/],
    [[ID, '--revision', 'v1'], 3, /^crossrank: oracle\/bert has no revision 'v1'/],
    [[ID, '--revision', '../x'], 2, /^crossrank: --revision '..\/x' is not the name of a branch/],
    [[ID, '--offline'], 3, /offline mode forbids to fetch it; with a network: crossrank pull oracle\/bert\n$/],
    [['no--id/x'], 2, /^crossrank: 'no--id\/x' is neither a directory nor the id of a model/],
    [['./here'], 2, /^crossrank: '.\/here' is a path, not a model of the hub/],
  ];
  for (const [args, code, message] of cases) {
    const finished = await run('pull', ...args);
    assert.equal(finished.code, code, `${args.join(' ')}: ${finished.stderr}`);
    assert.match(finished.stderr, message);
    assert.doesNotMatch(finished.stderr, /hf_wrong|\n.*\n/);
  }
  assert.equal((await run('pull', 'oracle/gated', '--hf-token', GOOD_TOKEN)).code, 0);
});

test('serve downloads at start and then answers; the next start needs no hub', async (t) => {
  const { hub, environment } = await setUp(t);
  const served = async (): Promise<Record<string, unknown>> => {
    const process = new Crossrank(t, ['serve', '--port', '0', '--workers', '1', '--model-id', ID], { environment });
    const { url: address } = await process.logLine('ready');
    const url = await checkedUrl(t, String(address), []);
    const info = (await (await fetch(`${url}/info`)).json()) as Record<string, unknown>;
    process.child.kill('SIGTERM');
    const { code, stderr } = await process.finished;
    assert.equal(code, 0, stderr);
    return { ...info, stderr };
  };
  const first = await served();
  assert.equal(first['model_id'], ID);
  assert.match(String(first['stderr']), /"message":"downloading"[\s\S]*"message":"downloaded"[\s\S]*"message":"listening/);
  await hub.stop();
  const second = await served();
  assert.equal(second['model_id'], ID);
  assert.match(String(second['stderr']), /the hub gives no answer; the cached model is used/);
});

test('a signal ends a download at once; the part stays and is resumed', async (t) => {
  const { hub, cache, environment, run } = await setUp(t);
  const blobs = join(cache, 'models--oracle--bert/blobs');
  const cases: readonly (readonly [command: readonly string[], signal: 'SIGINT' | 'SIGTERM', code: number])[] = [
    [['pull', ID], 'SIGINT', 130],
    [['serve', '--port', '0', '--model-id', ID], 'SIGTERM', 143],
    [['rank', '-q', 'x', '--model-id', ID], 'SIGINT', 130],
  ];
  for (const [args, signal, code] of cases) {
    hub.faults.push({ match: /^files /, kind: 'stall', after: 6000 });
    const before = hub.seen.length;
    const process = new Crossrank(t, args, { environment });
    while (!hub.seen.slice(before).some(({ host }) => host === 'files')) await new Promise((resolve) => setTimeout(resolve, 10));
    const startedMs = performance.now();
    process.child.kill(signal);
    const finished = await process.finished;
    assert.equal(finished.code, code, finished.stderr);
    assert.ok(performance.now() - startedMs < 10_000, 'long before the 30 s of a transfer that stands still');
    assert.equal(readdirSync(blobs).filter((name) => name.endsWith('.incomplete')).length, 1);
  }
  assert.equal((await run('pull', ID)).code, 0);
  assert.ok(!readdirSync(blobs).some((name) => name.endsWith('.incomplete')));
});

test('rank, prepare and info take a model of the hub; models lists it, remove takes it away with its copies', async (t) => {
  const { cache, environment, run } = await setUp(t);
  const process = new Crossrank(t, ['rank', '-q', 'panda', '--model-id', ID, '--prepared', 'off', '--json'], {
    environment,
    stdin: true,
  });
  process.child.stdin!.end('the giant panda\na river\n');
  const ranked = await process.finished;
  assert.equal(JSON.parse(ranked.stdout).length, 2, ranked.stderr);

  const info = await run('info', ID, '--json', '--offline');
  assert.equal(JSON.parse(info.stdout).name, ID);
  const prepared = await run('prepare', ID, '--json', '--quiet');
  const { directory, bytes } = JSON.parse(prepared.stdout);

  const listed = JSON.parse((await run('models', '--json')).stdout);
  const [model] = listed.models;
  assert.deepEqual([listed.models.length, model.id, model.unfinished_bytes, listed.hub_cache], [1, ID, 0, cache]);
  assert.deepEqual(
    model.revisions.map(({ refs, onnx_files }: Record<string, unknown>) => [refs, onnx_files]),
    [[['main'], ['model.onnx']]],
  );
  assert.deepEqual(
    model.prepared.map((copy: Record<string, unknown>) => [copy['directory'], copy['bytes'], copy['dtype']]),
    [[directory, bytes, 'float32']],
  );
  const table = (await run('models')).stdout;
  assert.match(
    table,
    /^MODEL +REVISION +SIZE +PREPARED +ONNX FILES\noracle\/bert +[0-9a-f]{12} main +\d+\.\d KiB +float32 \d+\.\d KiB +model\.onnx\n\n/,
  );

  const dry = await run('remove', ID, '--dry-run');
  assert.match(
    dry.stdout,
    /^would remove oracle\/bert \([0-9a-f]{12}\): .* KiB\nwould remove the prepared copy \S+: .* KiB\nwould free .* KiB\n$/,
  );
  assert.ok(existsSync(directory) && existsSync(join(cache, 'models--oracle--bert')));
  const removed = await run('remove', ID, '--revision', 'main');
  assert.equal(removed.stdout, dry.stdout.replaceAll('would remove', 'removed').replaceAll('would free', 'freed'));
  assert.ok(!existsSync(directory) && !existsSync(join(cache, 'models--oracle--bert')));
  const again = await run('remove', ID);
  assert.deepEqual([again.code, again.stderr], [3, `crossrank: nothing to remove: ${ID} is not cached in ${cache}\n`]);
  assert.match((await run('models')).stdout, /^0 B of 0 model\(s\) in /);
});

test('a directory is never removed, only the copies prepared from it', async (t) => {
  const { run } = await setUp(t);
  const { directory } = JSON.parse((await run('prepare', oracleModel('bert'), '--json', '--quiet')).stdout);
  assert.match((await run('models')).stdout, /^MODEL[\s\S]*\nbert +- +- +float32 .* KiB +\S+\/model\.onnx\n/);
  const removed = await run('remove', oracleModel('bert'));
  assert.match(removed.stdout, /^removed the prepared copy \S+: .* KiB\nfreed .* KiB\n$/);
  assert.ok(!existsSync(directory) && existsSync(join(oracleModel('bert'), 'model.onnx')));
  assert.equal((await run('remove', oracleModel('bert'))).code, 3);
});

test('the library loads a model of the hub, and offline from the cache', async (t) => {
  const { hub, environment } = await setUp(t);
  // In a folder, with external data: the runtime follows the links of a snapshot.
  const { 'model.onnx': onnx, 'model.onnx_data': data, ...rest } = filesOf(oracleModel('external-data'));
  hub.add('cross-encoder/tiny', { ...rest, 'onnx/model.onnx': onnx!, 'onnx/model.onnx_data': data! });
  const code = (options: string) => `
    import { CrossEncoder } from ${JSON.stringify(join(repoRoot, 'dist/src/index.js'))};
    const model = await CrossEncoder.load('tiny', { workers: 1, prepared: false, ${options} });
    console.log(await model.predict(['panda', 'the giant panda']));
    await model.close();`;
  const run = (options: string) =>
    execute(process.execPath, ['--input-type=module', '-e', code(options)], {
      env: { PATH: process.env.PATH, ...environment },
    }).catch((error: { stdout: string; stderr: string }) => error);
  const { stdout, stderr } = await run('');
  assert.ok(Number(stdout) > 0, stderr);
  await hub.stop();
  const offline = await run('localFilesOnly: true');
  assert.equal(offline.stdout, stdout, offline.stderr);
  assert.match((await run("localFilesOnly: true, revision: 'v1'")).stderr, /'v1' is not in the cache/);
});

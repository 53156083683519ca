// The image by itself: what is in it, who it runs as, how it starts, answers and ends.

import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { docker, requireEngine } from '../../bench/faults/docker.ts';
import { VERSION } from '../../src/version.ts';
import { buildImage, IMAGE } from './support.ts';

const NAME = `crossrank-test-${process.pid}`;

/** As docker-compose.yml runs it. */
const HARDENED = ['--read-only', '--tmpfs', '/tmp', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'];

/** Output of a shell command in a container of its own. */
function shell(command: string): Promise<string> {
  return docker(['run', '--rm', ...HARDENED, '--entrypoint', 'sh', IMAGE, '-c', command]);
}

function inspect(format: string, name = NAME): Promise<string> {
  return docker(['inspect', '--format', format, name]);
}

async function becomes(format: string, wanted: string): Promise<void> {
  const giveUpMs = performance.now() + 90_000;
  let seen = '';
  while (performance.now() < giveUpMs) {
    seen = await inspect(format);
    if (seen === wanted) return;
    await sleep(200);
  }
  assert.fail(`${format} is '${seen}', not '${wanted}':\n${await docker(['logs', NAME])}`);
}

suite('the image', { timeout: 600_000 }, () => {
  before(async () => {
    await requireEngine();
    await buildImage();
    await docker(['run', '--detach', '--name', NAME, ...HARDENED, '--publish', '127.0.0.1:0:8800', IMAGE]);
  });
  after(() => docker(['rm', '--force', '--volumes', NAME]));

  test('its healthcheck passes, and the embedded model answers', async () => {
    await becomes('{{.State.Health.Status}}', 'healthy');
    await docker(['exec', NAME, 'sh', '-c', 'until node /app/healthcheck.mjs /ready 2>/dev/null; do sleep 0.2; done']);
    const address = await docker(['port', NAME, '8800']);
    const answer = await fetch(`http://${address}/rank`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: 'what is a panda?', documents: ['Hello.', 'The giant panda is a bear native to China.'] }),
    });
    assert.equal(answer.status, 200);
    const { results } = (await answer.json()) as { readonly results: readonly { readonly corpus_id: number }[] };
    assert.deepEqual(
      results.map(({ corpus_id }) => corpus_id),
      [1, 0],
    );
  });

  test('the healthcheck fails where nobody listens', async () => {
    const started = docker(['run', '--rm', '--entrypoint', 'node', '-e', 'CROSSRANK_PORT=9', IMAGE, '/app/healthcheck.mjs']);
    await assert.rejects(started, /fetch failed/);
  });

  test('it runs as nobody in particular, on a root that cannot be written', async () => {
    assert.equal(await docker(['exec', NAME, 'id', '-u']), '1000');
    await assert.rejects(docker(['exec', NAME, 'touch', '/app/x']), /Read-only file system/);
    assert.match(await docker(['exec', NAME, 'ls', '/data/crossrank']), /\S/); // the packed copy, in the volume
    assert.equal(await docker(['exec', NAME, 'readlink', '/proc/1/exe']), '/usr/local/bin/node'); // no shell or init between
  });

  test('SIGTERM ends it with 0', async () => {
    await docker(['stop', '--time', '60', NAME]);
    assert.equal(await inspect('{{.State.ExitCode}} {{.State.OOMKilled}}'), '0 false');
    assert.equal(await docker(['logs', NAME]), ''); // all of the log is on standard error
  });

  test('its labels are those of this version', async () => {
    const labels = JSON.parse(await inspect('{{json .Config.Labels}}', IMAGE)) as Record<string, string>;
    assert.equal(labels['org.opencontainers.image.version'], VERSION);
    assert.equal(labels['org.opencontainers.image.licenses'], 'Apache-2.0');
    assert.equal(labels['org.opencontainers.image.title'], 'crossrank');
  });

  test('it has the binaries of one platform, and nothing that only development needs', async () => {
    const files = (await shell('find /app /usr/local/bin /usr/local/lib -type f')).split('\n');
    const binaries = files.filter((file) => file.includes('/onnxruntime-node/bin/'));
    const platform = process.arch === 'arm64' ? 'arm64' : 'x64';
    assert.ok(binaries.length >= 2, binaries.join('\n'));
    assert.ok(
      binaries.every((file) => file.includes(`/linux/${platform}/`)),
      binaries.join('\n'),
    );
    const idle =
      /\.map$|\.[cm]?ts$|providers_(cuda|tensorrt)|DirectML|\/app\/(src|test|bench|docs)\/|\/node_modules\/(typescript|@biomejs|npm)\//;
    assert.deepEqual(
      files.filter((file) => idle.test(file) && !file.endsWith('.d.ts')),
      [],
    );
  });

  test('/licenses holds a bill of materials and a licence for each of its components', async () => {
    const sbom = JSON.parse(await shell('cat /licenses/sbom.cdx.json')) as {
      readonly bomFormat: string;
      readonly components: readonly { readonly name: string; readonly group?: string; readonly version: string }[];
    };
    assert.equal(sbom.bomFormat, 'CycloneDX');
    const licences = await shell('cat /licenses/THIRD_PARTY_LICENSES');
    assert.ok(sbom.components.length > 20, `${sbom.components.length} components`);
    for (const { group, name, version } of sbom.components) {
      const full = group === undefined || name.startsWith('@') ? name : `${group}/${name}`;
      assert.ok(licences.includes(`\n${full} ${version}\nLicence: `), `${full} ${version} has no licence there`);
    }
    assert.ok(sbom.components.some(({ name }) => name === 'onnxruntime-node'));
    assert.match(await shell('head -3 /licenses/LICENSE /licenses/NOTICE'), /Apache License/);
  });
});

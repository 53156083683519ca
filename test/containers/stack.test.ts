// The stack of docker-compose.yml: it serves, finds replicas by itself, and loses no request when one of them goes, but those a killed one had.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { knownRequests, type Size } from '../../bench/faults/bodies.ts';
import { docker, requireEngine } from '../../bench/faults/docker.ts';
import { runScenario } from '../../bench/faults/run-scenario.ts';
import { SCENARIOS } from '../../bench/faults/scenarios.ts';
import { ComposeStack } from '../../bench/faults/stack.ts';
import type { Shot } from '../../bench/load/shot.ts';
import { repoRoot } from '../helpers/paths.ts';
import { assertLostWithReplica, buildImage, IMAGE, keepCalling } from './support.ts';

const HAPROXY = 'haproxy:2.6-bookworm';
const CONFIGURATION = ['--volume', `${join(repoRoot, 'deploy/haproxy')}:/usr/local/etc/haproxy:ro`];
const CHECK = ['haproxy', '-c', '-f', '/usr/local/etc/haproxy/haproxy.cfg'];

suite('the stack', { timeout: 600_000 }, () => {
  let stack: ComposeStack;
  let known: Readonly<Record<Size, Shot>>;

  before(async () => {
    await requireEngine();
    await buildImage();
    stack = await ComposeStack.up({ project: 'crossrank-test', image: IMAGE, replicas: 2 });
    known = await knownRequests();
  });
  after(() => stack?.down());

  test('the embedded model answers through the proxy, with the caller’s request id and no server’s name', async () => {
    const answer = await fetch(`${stack.url}/rank`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-request-id': 'order-66' },
      body: known.small.body,
    });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('x-request-id'), 'order-66');
    assert.deepEqual(
      ['server', 'x-powered-by', 'via'].filter((name) => answer.headers.has(name)),
      [],
    );
  });

  for (const [size, callers] of [
    ['small', 6],
    ['200 KB', 6],
    ['5 MB', 4],
  ] as const) {
    test(`a replica killed under load costs what it had, which is told so and not sent again: ${size}`, async () => {
      const load = keepCalling(stack.url, known[size], callers);
      try {
        await load.begun;
        const [victim] = await stack.replicas();
        await docker(['kill', victim!]);
        await docker(['start', victim!]);
        await stack.waitForServing(2);
      } finally {
        assertLostWithReplica(await load.stop(), callers);
      }
    });
  }

  test('Prometheus reads every replica and both proxies', async () => {
    const address = await stack.compose('port', 'prometheus', '9090');
    const giveUpMs = performance.now() + 60_000;
    let health: Readonly<Record<string, readonly string[]>> = {};
    while (performance.now() < giveUpMs) {
      health = await targetHealth(`http://${address}`);
      if (health['crossrank']?.join() === 'up,up' && health['haproxy']?.join() === 'up,up') return;
      await sleep(500);
    }
    assert.fail(JSON.stringify(health));
  });

  // Kills are above, by size.
  for (const scenario of SCENARIOS.filter(({ name }) => name !== 'kill')) {
    test(`every request is counted: ${scenario.title}`, async () => {
      const { counts, outcomes } = await runScenario(stack, scenario, { shots: [known.small], ratePerSecond: 8, quietMs: 500 });
      const during = counts.find(({ phase }) => phase === 'during')!;
      assert.ok(during.requests > 0, 'nothing was asked while it happened');
      const answered = Object.keys(outcomes).every((outcome) => /^\d+$/.test(outcome));
      assert.ok(answered, `a request without an answer: ${JSON.stringify(outcomes)}`);
      if (!scenario.lossless) return; // a paused replica may cost what the proxy cannot know yet
      assert.deepEqual(
        counts.map(({ lost, refused }) => lost + refused),
        counts.map(() => 0),
        JSON.stringify({ counts, outcomes }),
      );
    });
  }

  test('without a replica the proxy says so in the shape of the server’s errors', async () => {
    await stack.scale(0);
    const answer = await fetch(`${stack.url}/v1/rerank`, { method: 'POST', headers: { 'x-request-id': 'a' }, body: '{}' });
    assert.equal(answer.status, 503);
    assert.equal(answer.headers.get('retry-after'), '1');
    assert.equal(answer.headers.get('x-request-id'), 'a');
    const message = 'no replica is ready';
    const error = { message, type: 'server_error', param: null, code: 503 };
    assert.deepEqual(await answer.json(), { id: 'a', message, detail: message, error });
  });
});

suite('the files of deploy', { timeout: 120_000 }, () => {
  const certificates = mkdtempSync(join(tmpdir(), 'crossrank-certificates-'));
  after(() => rmSync(certificates, { recursive: true, force: true }));

  test('HAProxy takes its configuration for callers and for large bodies', async () => {
    await docker(['run', '--rm', ...CONFIGURATION, HAPROXY, ...CHECK]);
    await docker(['run', '--rm', ...CONFIGURATION, '--env', 'LARGE_BODIES=1', HAPROXY, ...CHECK]);
  });

  test('and the one with TLS', async () => {
    const volume = ['--volume', `${certificates}:/certs`, '--env', 'TLS_PORT=443'];
    const make =
      'cd /tmp && openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -keyout k -out c && cat c k > /certs/a.pem && chmod -R go+rX /certs';
    await docker(['run', '--rm', '--user', '0', ...volume, '--entrypoint', 'sh', HAPROXY, '-c', make]);
    await docker(['run', '--rm', ...CONFIGURATION, ...volume, HAPROXY, ...CHECK]);
  });

  test('compose takes every service, Grafana and TLS among them', async () => {
    const files = ['docker-compose.yml', 'docker-compose.tls.yml'].flatMap((name) => ['--file', join(repoRoot, name)]);
    const config = JSON.parse(await docker(['compose', ...files, '--profile', 'grafana', 'config', '--format', 'json'])) as {
      readonly services: Readonly<Record<string, { readonly read_only: boolean; readonly cap_drop: readonly string[] }>>;
    };
    assert.deepEqual(Object.keys(config.services).sort(), ['grafana', 'prometheus', 'proxy', 'proxy-large', 'server']);
    for (const [name, service] of Object.entries(config.services)) {
      assert.equal(service.read_only, true, name);
      assert.deepEqual(service.cap_drop, ['ALL'], name);
    }
  });

  test('Prometheus takes its configuration', async () => {
    const volume = ['--volume', `${join(repoRoot, 'deploy/prometheus')}:/etc/prometheus:ro`];
    await docker([
      'run',
      '--rm',
      ...volume,
      '--entrypoint',
      'promtool',
      'prom/prometheus:v2.53.3',
      'check',
      'config',
      '/etc/prometheus/prometheus.yml',
    ]);
  });
});

/** Job -> health of its targets. */
async function targetHealth(url: string): Promise<Record<string, string[]>> {
  const { data } = (await (await fetch(`${url}/api/v1/targets?state=active`)).json()) as {
    readonly data: { readonly activeTargets: readonly { readonly scrapePool: string; readonly health: string }[] };
  };
  const health: Record<string, string[]> = {};
  for (const target of data.activeTargets) health[target.scrapePool] = [...(health[target.scrapePool] ?? []), target.health];
  return health;
}

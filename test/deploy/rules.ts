// What the manifests must keep beyond the API schema: one rule a promise of docs/kubernetes.md.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import type { IPersistentVolumeClaim } from 'kubernetes-models/v1';
import { environmentName, optionEntries } from '../../src/config/options.ts';
import { loadConfig } from '../../src/config.ts';
import { VERSION } from '../../src/version.ts';
import { repoRoot } from '../helpers/paths.ts';
import { type Deployed, type Labels, selects } from './deployed.ts';

/** Options the manifests set and `src/config/options.ts` does not have yet; a test fails when it has. */
export const PENDING_OPTIONS: readonly string[] = [];

/** Of the runtime, which reads it by itself. */
const RUNTIME_VARIABLES = ['ORT_DISABLE_TELEMETRY', 'NODE_OPTIONS'];

/** Where the names of the metrics stand; a rule about them waits until one of these is there. */
const METRIC_SOURCES = ['docs/metrics.md', 'src/metrics.ts', 'src/metrics'];

/** Seconds between the end of the drain and the end of the process: answers on their way are cut after one. */
const EXIT_SECONDS = 5;

/** Beside the heap: the runtime, two workers and the embedded model (docs/sizing.md), and half as much again. */
const BESIDE_HEAP_MIB = 384;

/** Heap bytes that one byte of a body can become. */
const HEAP_OF_A_BYTE = 34;

function mebibytes(quantity: string): number {
  const [, count, unit] = /^(\d+)(Mi|Gi)$/.exec(quantity) ?? [];
  return Number(count) * (unit === 'Gi' ? 1024 : 1);
}

/** Rule -> asserts that it holds. */
export const RULES: Readonly<Record<string, (deployed: Deployed) => void>> = {
  'every variable is an option': ({ containers, settings }) => {
    const known = [...optionEntries().map(([, spec]) => environmentName(spec)), ...PENDING_OPTIONS, ...RUNTIME_VARIABLES];
    const used = [...Object.keys(settings), ...containers.flatMap(({ env = [] }) => env.map(({ name }) => name))];
    assert.deepEqual(
      used.filter((name) => !known.includes(name)),
      [],
    );
  },

  'the server accepts the settings': ({ settings }) => {
    const known = Object.fromEntries(Object.entries(settings).filter(([name]) => !PENDING_OPTIONS.includes(name)));
    assert.doesNotThrow(() => loadConfig({}, known));
  },

  'a server asks nobody and tells nobody': ({ settings }) => {
    assert.deepEqual([settings['CROSSRANK_OFFLINE'], settings['ORT_DISABLE_TELEMETRY']], ['on', '1']);
  },

  'ports agree': (deployed) => {
    const ports = new Map(deployed.server.ports!.map(({ name, containerPort }) => [name, containerPort]));
    assert.equal(ports.get('http'), deployed.setting('CROSSRANK_PORT'));
    assert.equal(ports.get('metrics'), deployed.setting('CROSSRANK_PROMETHEUS_PORT'));
    assert.equal(deployed.settings['CROSSRANK_HOSTNAME'], '0.0.0.0');
    const named = [
      ...deployed.service.spec!.ports!.map(({ targetPort }) => targetPort),
      ...deployed
        .all<INetworkPolicy>('NetworkPolicy')
        .flatMap(({ spec }) => (spec!.ingress ?? []).flatMap((rule) => rule.ports!.map(({ port }) => port))),
      ...deployed.all<PodMonitor>('PodMonitor').flatMap(({ spec }) => spec.podMetricsEndpoints.map(({ port }) => port)),
    ];
    for (const port of named) assert.ok(ports.has(port as string), `port ${port} has no container`);
  },

  'probes ask the right paths': ({ server }) => {
    const { startupProbe, livenessProbe, readinessProbe } = server;
    const asked = [startupProbe, livenessProbe, readinessProbe].map((probe) => probe?.httpGet);
    assert.deepEqual(asked, [
      { path: '/ready', port: 'http' },
      { path: '/health', port: 'http' },
      { path: '/ready', port: 'http' },
    ]);
    assert.ok(livenessProbe!.periodSeconds! * livenessProbe!.failureThreshold! >= 60);
  },

  'a slow start is no failed roll': ({ server, deployment }) => {
    const { periodSeconds, failureThreshold } = server.startupProbe!;
    assert.ok(deployment.spec!.progressDeadlineSeconds! > periodSeconds! * failureThreshold!);
  },

  'the grace period holds the drain': (deployed) => {
    const drain = deployed.setting('CROSSRANK_DRAIN_DELAY') + deployed.setting('CROSSRANK_DRAIN_TIMEOUT');
    const grace = deployed.deployment.spec!.template.spec!.terminationGracePeriodSeconds!;
    assert.ok(grace >= drain + EXIT_SECONDS, `${grace} s for a drain of ${drain} s`);
  },

  'the drain delay outlasts the readiness probe': (deployed) => {
    const { periodSeconds, failureThreshold } = deployed.server.readinessProbe!;
    assert.ok(deployed.setting('CROSSRANK_DRAIN_DELAY') > periodSeconds! * failureThreshold!);
  },

  'no accepted request is cut by the drain': (deployed) => {
    assert.ok(deployed.setting('CROSSRANK_DRAIN_TIMEOUT') >= deployed.setting('CROSSRANK_REQUEST_TIMEOUT'));
    assert.equal(deployed.server.lifecycle, undefined, 'a preStop sleep would delay the drain that the server does itself');
  },

  'a roll never lowers capacity': ({ deployment }) => {
    assert.equal(deployment.spec!.strategy!.rollingUpdate!.maxUnavailable, 0);
    assert.ok(Number(deployment.spec!.strategy!.rollingUpdate!.maxSurge) > 0);
  },

  'selectors take the servers and nothing else': (deployed) => {
    const [server, ...jobs] = deployed.templates.map(({ metadata }) => metadata!.labels as Labels);
    const selectors = [
      deployed.deployment.spec!.selector.matchLabels,
      deployed.service.spec!.selector,
      deployed.budget.spec!.selector!.matchLabels,
      ...deployed.deployment.spec!.template.spec!.topologySpreadConstraints!.map((each) => each.labelSelector!.matchLabels),
      ...deployed.all<PodMonitor>('PodMonitor').map(({ spec }) => spec.selector.matchLabels),
    ];
    for (const selector of selectors as Labels[]) {
      assert.ok(selects(selector, server!), `${JSON.stringify(selector)} misses the servers`);
      for (const job of jobs) assert.ok(!selects(selector, job), `${JSON.stringify(selector)} takes a Job`);
    }
  },

  'the autoscaler owns the replicas': ({ autoscaler, deployment }) => {
    const { apiVersion, kind, metadata } = deployment;
    assert.deepEqual(autoscaler.spec!.scaleTargetRef, { apiVersion, kind, name: metadata!.name });
    assert.equal(deployment.spec!.replicas, undefined);
    assert.ok(autoscaler.spec!.minReplicas! >= 2, 'one replica cannot be rolled over a node that drains');
  },

  'the autoscaler asks for metrics that exist': ({ autoscaler, server }) => {
    for (const metric of autoscaler.spec!.metrics!) {
      if (metric.containerResource) assert.equal(metric.containerResource.container, server.name);
      const name = metric.pods?.metric.name;
      if (name === undefined) continue;
      assert.ok(adapterRule().includes(`as: ${name}\n`), `prometheus-adapter has no rule for ${name}`);
      const sources = metricSources();
      assert.ok(sources.length === 0 || sources.some((text) => text.includes(name)), `${name} is no metric of crossrank`);
    }
  },

  'pods have no links, no token, no rank': ({ templates, objects }) => {
    const accounts = objects.filter(({ kind }) => kind === 'ServiceAccount').map(({ metadata }) => metadata.name);
    for (const { spec } of templates) {
      assert.equal(spec!.enableServiceLinks, false);
      assert.equal(spec!.automountServiceAccountToken, false);
      assert.equal(spec!.priorityClassName, undefined);
      assert.ok(accounts.includes(spec!.serviceAccountName!));
    }
  },

  'pods meet the restricted security standard': ({ templates, containers }) => {
    for (const { spec } of templates) {
      const { runAsNonRoot, runAsUser, seccompProfile } = spec!.securityContext!;
      assert.deepEqual([runAsNonRoot, runAsUser, seccompProfile?.type], [true, 1000, 'RuntimeDefault']);
    }
    for (const { securityContext } of containers) {
      const wanted = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } };
      assert.deepEqual(securityContext, wanted);
    }
  },

  'memory is promised whole, cores are whole and without limit': ({ containers, server }) => {
    for (const { name, resources } of containers) {
      assert.equal(resources!.limits!['memory'], resources!.requests!['memory'], name);
      assert.equal(resources!.limits!['cpu'], undefined, name);
    }
    assert.match(String(server.resources!.requests!['cpu']), /^\d+$/);
    const workers = server.env!.find(({ name }) => name === 'CROSSRANK_WORKERS');
    assert.equal(workers?.valueFrom?.resourceFieldRef?.resource, 'requests.cpu');
  },

  'the heap and what is beside it fit the memory': ({ settings, server }) => {
    const heapMib = Number(/^--max-old-space-size=(\d+)$/.exec(settings['NODE_OPTIONS'] ?? '')?.[1]);
    const memoryMib = mebibytes(String(server.resources!.limits!['memory']));
    assert.ok(heapMib + BESIDE_HEAP_MIB <= memoryMib, `${heapMib} + ${BESIDE_HEAP_MIB} MiB of ${memoryMib}`);
    assert.ok(Number(settings['CROSSRANK_PAYLOAD_LIMIT']) * HEAP_OF_A_BYTE <= heapMib * 2 ** 20, 'one body fits the heap');
  },

  'one pinned image': ({ containers }) => {
    for (const { image } of containers) assert.equal(image, `crossrank:${VERSION}`);
  },

  'what is referred to is there': (deployed) => {
    const names = (kind: string) => deployed.objects.filter((each) => each.kind === kind).map(({ metadata }) => metadata.name);
    for (const { spec } of deployed.templates) {
      const volumes = (spec!.volumes ?? []).map(({ name }) => name);
      for (const { persistentVolumeClaim: claim } of spec!.volumes ?? [])
        if (claim) assert.ok(names('PersistentVolumeClaim').includes(claim.claimName), claim.claimName);
      for (const { envFrom = [], volumeMounts = [] } of [...(spec!.initContainers ?? []), ...spec!.containers]) {
        for (const { configMapRef } of envFrom) assert.ok(names('ConfigMap').includes(configMapRef!.name!));
        for (const { name } of volumeMounts) assert.ok(volumes.includes(name), name);
      }
    }
  },

  'copies are on the node, models are shared and only read': ({ deployment, server, settings, objects }) => {
    const volumeAt = (path: string) => {
      const mount = server.volumeMounts!.find(({ mountPath }) => path.startsWith(`${mountPath}/`));
      return { mount, volume: deployment.spec!.template.spec!.volumes!.find(({ name }) => name === mount?.name) };
    };
    assert.ok(volumeAt(settings['CROSSRANK_CACHE_DIR']!).volume?.emptyDir, 'copies need a writable volume of the node');
    const hub = settings['CROSSRANK_HUGGINGFACE_HUB_CACHE'];
    if (hub === undefined) return;
    assert.equal(volumeAt(hub).mount?.readOnly, true);
    const claims = objects.filter(({ kind }) => kind === 'PersistentVolumeClaim') as unknown as IPersistentVolumeClaim[];
    assert.deepEqual(
      claims.map(({ spec }) => spec!.accessModes),
      [['ReadWriteMany']],
    );
  },
};

/** Names of the rules an overlay breaks, each with what was seen. */
export function brokenRules(deployed: Deployed): { readonly rule: string; readonly message: string }[] {
  return Object.entries(RULES).flatMap(([rule, holds]) => {
    try {
      holds(deployed);
      return [];
    } catch (error) {
      return [{ rule, message: (error as Error).message }];
    }
  });
}

/** Texts that name metrics; none before there are metrics. */
export function metricSources(): string[] {
  return METRIC_SOURCES.map((name) => join(repoRoot, name))
    .filter((path) => existsSync(path))
    .flatMap((path) =>
      /\.\w+$/.test(path)
        ? [path]
        : readdirSync(path, { recursive: true, encoding: 'utf8' })
            .filter((name) => name.endsWith('.ts'))
            .map((name) => join(path, name)),
    )
    .map((path) => readFileSync(path, 'utf8'));
}

function adapterRule(): string {
  return readFileSync(join(repoRoot, 'deploy/kubernetes/components/autoscaling-queue/prometheus-adapter-rule.yaml'), 'utf8');
}

/** The part of the Prometheus operator's resource that is used; it has no schema here. */
interface PodMonitor {
  readonly spec: {
    readonly selector: { readonly matchLabels: Labels };
    readonly podMetricsEndpoints: readonly { readonly port: string; readonly path: string }[];
  };
}

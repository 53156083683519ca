// The Kubernetes manifests: every overlay is built, held against the API schemas, and against the rules it must keep.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { environmentName, optionEntries } from '../../src/config/options.ts';
import { repoRoot } from '../helpers/paths.ts';
import { hasSchema, problemsOf } from './api-schema.ts';
import { Deployed } from './deployed.ts';
import { build, documents, type Manifest } from './kustomize.ts';
import { brokenRules, metricSources, PENDING_OPTIONS, RULES } from './rules.ts';

const ROOT = join(repoRoot, 'deploy/kubernetes');
const OVERLAYS = readdirSync(join(ROOT, 'overlays'));

/** A rule for prometheus-adapter's own configuration. */
const NO_MANIFESTS = ['components/autoscaling-queue/prometheus-adapter-rule.yaml'];

/** What the API does not define; the operator that does may be absent. */
const CUSTOM_KINDS = ['PodMonitor'];

/** The built overlay, with one text of one file replaced. @throws Error when the text is not there */
function edited(overlay: string, file: string, [from, to]: readonly [from: string, to: string]): Manifest[] {
  let replaced = false;
  const objects = build(join(ROOT, 'overlays', overlay), (path) => {
    const text = readFileSync(path, 'utf8');
    if (relative(ROOT, path) !== file || !text.includes(from)) return text;
    replaced = true;
    return text.replaceAll(from, to);
  });
  assert.ok(replaced, `${file} holds no '${from}'`);
  return objects;
}

test('there are overlays, and they reach every file', () => {
  assert.deepEqual(OVERLAYS.toSorted(), ['embedded', 'hub-model', 'production']);
  const read = new Set<string>();
  for (const overlay of OVERLAYS)
    build(join(ROOT, 'overlays', overlay), (path) => {
      read.add(relative(ROOT, path));
      return readFileSync(path, 'utf8');
    });
  const files = readdirSync(ROOT, { recursive: true, encoding: 'utf8' }).filter((name) => /\.[a-z]+$/.test(name));
  assert.deepEqual(files.toSorted(), [...read, ...NO_MANIFESTS].toSorted());
  for (const name of NO_MANIFESTS) assert.equal(documents(join(ROOT, name)).length, 1);
});

for (const overlay of OVERLAYS) {
  test(`overlay ${overlay} is valid`, () => {
    const objects = build(join(ROOT, 'overlays', overlay));
    for (const object of objects) {
      if (CUSTOM_KINDS.includes(object.kind)) continue;
      assert.ok(hasSchema(object), `${object.apiVersion} ${object.kind} has no schema`);
      assert.deepEqual(problemsOf(object), [], `${object.kind} ${object.metadata.name}`);
    }
    assert.deepEqual(brokenRules(new Deployed(objects)), []);
  });

  test(`overlay ${overlay} is what kustomize builds`, (t) => {
    const { status, stdout, stderr } = spawnSync('kubectl', ['kustomize', join(ROOT, 'overlays', overlay)], { encoding: 'utf8' });
    if (status === null) return t.skip('kubectl is not installed');
    assert.equal(status, 0, stderr);
    const theirs = parseAllDocuments(stdout.replaceAll(/(crossrank-settings)-[a-z0-9]{10}\b/g, '$1'));
    const ours = build(join(ROOT, 'overlays', overlay));
    assert.deepEqual(inAnyOrder(theirs.map((each) => each.toJS())), inAnyOrder(ours));
  });
}

/** Kustomize sorts fields and puts what a patch adds before the rest. */
function inAnyOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inAnyOrder).toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).map(([name, inner]) => [name, inAnyOrder(inner)] as const);
  return Object.fromEntries(fields.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

test('a manifest the API would refuse is refused here', () => {
  const cases = [
    [
      'a misspelt field',
      'base/deployment.yaml',
      ['livenessProbe:', 'livenesProbe:'],
      /containers\/0\/livenesProbe is not in the schema/,
    ],
    [
      'a field in the wrong place',
      'base/deployment.yaml',
      ['  minReadySeconds: 5', '  enableServiceLinks: false'],
      /spec\/enableServiceLinks is not/,
    ],
    ['text for a number', 'base/deployment.yaml', ['periodSeconds: 10', 'periodSeconds: "10"'], /periodSeconds/],
    ['a required field left out', 'base/horizontal-pod-autoscaler.yaml', ['  maxReplicas: 10\n', ''], /maxReplicas/],
    ['a quantity that is none', 'base/deployment.yaml', ['memory: 1Gi', 'memory: 1 GB'], /memory must match format "quantity"/],
    ['an old version', 'base/horizontal-pod-autoscaler.yaml', ['autoscaling/v2', 'autoscaling/v2beta2'], /no schema/],
  ] as const;
  for (const [what, file, edit, problem] of cases) {
    const seen = edited('embedded', file, edit).flatMap((each) => (hasSchema(each) ? problemsOf(each) : ['no schema']));
    assert.match(seen.join('\n'), problem, what);
  }
});

test('a kustomization that kustomize would refuse is refused here', () => {
  const cases = [
    ['a resource that is not there', 'base/kustomization.yaml', ['service.yaml', 'services.yaml'], /services\.yaml/],
    [
      'a patch without object',
      'overlays/hub-model/server-with-model.yaml',
      ['name: crossrank\n', 'name: crosrank\n'],
      /no Deployment\/crosrank to patch/,
    ],
    ['a field nobody knows', 'base/kustomization.yaml', ['resources:', 'resource:'], /resource is not known/],
    ['a key twice', 'base/service.yaml', ['kind: Service', 'kind: Service\nkind: Service'], /unique/],
    [
      'an object twice',
      'overlays/hub-model/kustomization.yaml',
      ['  - pull-job.yaml', '  - pull-job.yaml\n  - pull-job.yaml'],
      /twice/,
    ],
  ] as const;
  for (const [what, file, edit, problem] of cases) assert.throws(() => edited('hub-model', file, edit), problem, what);
});

test('every rule is broken by the mistake it is there for', () => {
  const deployment = 'base/deployment.yaml';
  const settings = 'base/kustomization.yaml';
  const mistakes: Readonly<Record<string, readonly [file: string, edit: readonly [from: string, to: string]]>> = {
    'every variable is an option': [settings, ['CROSSRANK_MAX_QUEUE_SECONDS', 'CROSSRANK_MAX_QUEUE']],
    'the server accepts the settings': [settings, ['CROSSRANK_JSON_OUTPUT=on', 'CROSSRANK_JSON_OUTPUT=json']],
    'a server asks nobody and tells nobody': [settings, ['ORT_DISABLE_TELEMETRY=1', 'ORT_DISABLE_TELEMETRY=0']],
    'ports agree': [settings, ['CROSSRANK_PORT=8800', 'CROSSRANK_PORT=8080']],
    'probes ask the right paths': [deployment, ['path: /health', 'path: /healthz']],
    'a slow start is no failed roll': [
      'overlays/hub-model/server-with-model.yaml',
      ['progressDeadlineSeconds: 3600', 'progressDeadlineSeconds: 600'],
    ],
    'the grace period holds the drain': [deployment, ['terminationGracePeriodSeconds: 60', 'terminationGracePeriodSeconds: 45']],
    'the drain delay outlasts the readiness probe': [settings, ['DRAIN_DELAY=10', 'DRAIN_DELAY=4']],
    'no accepted request is cut by the drain': [settings, ['DRAIN_TIMEOUT=35', 'DRAIN_TIMEOUT=20']],
    'a roll never lowers capacity': [deployment, ['maxUnavailable: 0', 'maxUnavailable: 1']],
    'selectors take the servers and nothing else': ['base/pod-disruption-budget.yaml', ['component: server', 'component: serve']],
    'the autoscaler owns the replicas': ['base/horizontal-pod-autoscaler.yaml', ['kind: Deployment', 'kind: StatefulSet']],
    'the autoscaler asks for metrics that exist': [
      'components/autoscaling-queue/queue-depth.yaml',
      ['crossrank_queue_tokens', 'crossrank_queue_size'],
    ],
    'pods have no links, no token, no rank': [deployment, ['enableServiceLinks: false', 'enableServiceLinks: true']],
    'pods meet the restricted security standard': [deployment, ['readOnlyRootFilesystem: true', 'readOnlyRootFilesystem: false']],
    'memory is promised whole, cores are whole and without limit': [
      'overlays/hub-model/server-with-model.yaml',
      ['limits:\n              memory: 2Gi', 'limits:\n              memory: 4Gi'],
    ],
    'the heap and what is beside it fit the memory': [settings, ['space-size=640', 'space-size=1800']],
    'one pinned image': ['overlays/hub-model/kustomization.yaml', ['newTag: ', 'newTag: 9.']],
    'what is referred to is there': ['overlays/hub-model/model-volume.yaml', ['name: crossrank-models', 'name: crossrank-model']],
    'copies are on the node, models are shared and only read': [settings, ['CACHE_DIR=/data/', 'CACHE_DIR=/models/']],
  };
  assert.deepEqual(Object.keys(mistakes), Object.keys(RULES));
  for (const [rule, [file, edit]] of Object.entries(mistakes)) {
    const overlay = file.startsWith('components/') ? 'production' : 'hub-model';
    const broken = brokenRules(new Deployed(edited(overlay, file, edit))).map((each) => each.rule);
    assert.deepEqual(broken, [rule]);
  }
});

test('options that were pending are not pending for ever', () => {
  const known = optionEntries().map(([, spec]) => environmentName(spec));
  const arrived = PENDING_OPTIONS.filter((name) => known.includes(name));
  assert.deepEqual(arrived, [], 'these are options now: take them out of PENDING_OPTIONS in test/deploy/rules.ts');
});

test('the metrics that manifests name are looked up', {
  skip: metricSources().length === 0 && 'there are no metrics yet',
}, () => {
  assert.ok(metricSources().some((text) => text.includes('crossrank_queue_tokens')));
});

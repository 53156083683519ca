// Dashboard and alert rules name only series and labels that a server shows from its start; what they say is complete.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parse } from 'yaml';
import { ERROR_STATUS } from '../../src/errors.ts';
import { parseExposition } from '../helpers/exposition.ts';
import { repoRoot } from '../helpers/paths.ts';
import { startTestServer } from '../http/support.ts';
import { usesOf } from './promql.ts';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[];
}

interface Dashboard {
  readonly uid: string;
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly definition?: string }[];
  };
}

const rules = (parse(read('prometheus/alerts.yml')) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(read('grafana/crossrank.json')) as Dashboard;
const queries = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

/** Added by Prometheus to everything it scrapes. */
const SCRAPED = ['instance', 'job'];

/** Sample name -> its labels, of a server that nobody has asked for anything. */
async function exposedSeries(t: TestContext): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const server = await startTestServer(t);
  const { samples } = parseExposition((await server.send('/metrics')).body);
  const found = new Map<string, Set<string>>();
  for (const { name, labels } of samples) {
    const known = found.get(name) ?? new Set(SCRAPED);
    for (const label of Object.keys(labels)) known.add(label);
    found.set(name, known);
  }
  return found;
}

for (const [where, expressions] of [
  ['alert rules', rules.map(({ expr }) => expr)],
  ['dashboard', queries],
] as const) {
  test(`the ${where} use only series and labels that exist`, async (t) => {
    const exposed = await exposedSeries(t);
    assert.ok(expressions.length > 10);
    for (const expression of expressions) {
      const { series, grouping } = usesOf(expression);
      assert.ok(series.length > 0, expression);
      for (const { name, labels } of series) {
        const known = exposed.get(name);
        assert.ok(known, `${name} in ${expression}`);
        for (const label of [...labels, ...grouping]) assert.ok(known.has(label), `${label} of ${name} in ${expression}`);
      }
    }
  });
}

test('reasons named in rules are codes of the closed table', () => {
  const reasons = rules.flatMap(({ expr }) => [...expr.matchAll(/reason=~?"([^"]*)"/g)].flatMap((match) => match[1]!.split('|')));
  assert.ok(reasons.length > 2);
  for (const reason of reasons) assert.ok(reason in ERROR_STATUS, reason);
});

test('every rule says how bad it is, what it means and what to do', () => {
  for (const { alert, labels, annotations } of rules) {
    assert.match(labels.severity ?? '', /^(page|ticket)$/, alert);
    assert.deepEqual(Object.keys(annotations).sort(), ['description', 'runbook', 'summary'], alert);
    assert.ok(annotations.runbook!.length > 40, alert);
  }
  assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
});

test('options that runbooks name exist', () => {
  const readme = readFileSync(join(repoRoot, 'README.md'), 'utf8');
  const options = rules.flatMap(({ annotations }) => [...JSON.stringify(annotations).matchAll(/--[a-z][\w-]+/g)].map(String));
  assert.ok(options.length > 5);
  for (const option of options) assert.ok(readme.includes(`| \`${option}\` |`), option);
});

test('the dashboard works with any data source and has a description on every panel', async (t) => {
  const exposed = await exposedSeries(t);
  const shown = dashboard.panels.filter(({ type }) => type !== 'row');
  for (const { title, description, datasource, targets = [] } of shown) {
    assert.ok(description, title);
    assert.ok(
      [datasource, ...targets.map((target) => target.datasource)].every((source) => /^\$\{datasource\}$/.test(source?.uid ?? '')),
      title,
    );
  }
  assert.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length);
  const variables = new Set(dashboard.templating.list.map(({ name }) => name));
  const used = queries
    .flatMap((expr) => [...expr.matchAll(/\$(\w+)/g)].map((match) => match[1]!))
    .filter((name) => name !== '__rate_interval');
  for (const name of ['datasource', 'model', 'instance', ...used]) assert.ok(variables.has(name), name);
  for (const { definition } of dashboard.templating.list) {
    const [, name, label] = /^label_values\((\w+)(?:\{.*\})?, (\w+)\)$/.exec(definition ?? '') ?? [];
    if (definition !== undefined) assert.ok(exposed.get(name!)?.has(label!), definition);
  }
});

test('provisioning files name a data source and a provider', () => {
  const folder = 'grafana/provisioning';
  for (const [kind, key] of [
    ['datasources', 'datasources'],
    ['dashboards', 'providers'],
  ] as const) {
    for (const file of readdirSync(join(repoRoot, 'deploy', folder, kind))) {
      const content = parse(read(`${folder}/${kind}/${file}`)) as { apiVersion: number } & Record<string, unknown[]>;
      assert.equal(content.apiVersion, 1);
      assert.equal(content[key]?.length, 1, file);
    }
  }
});

test('the reader of expressions sees series, matchers and groupings', () => {
  const use = usesOf('sum by (a, b) (rate(x_total{c="y{z}",d=~"$v"}[5m])) / on (e) y > 0.5 and z{f!="g"} unless w');
  assert.deepEqual(use.series, [
    { name: 'x_total', labels: ['c', 'd'] },
    { name: 'y', labels: [] },
    { name: 'z', labels: ['f'] },
    { name: 'w', labels: [] },
  ]);
  assert.deepEqual(use.grouping, ['a', 'b', 'e']);
});

function read(path: string): string {
  return readFileSync(join(repoRoot, 'deploy', path), 'utf8');
}

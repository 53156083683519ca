// The part `faults`: requests through the proxy while a replica is killed, stopped, paused, scaled and rolled, every one counted.

import { atMost, type BenchContext, type PartResult } from '../part.ts';
import { ROOT } from '../paths.ts';
import type { Row } from '../report/table.ts';
import { knownRequests } from './bodies.ts';
import { docker, requireEngine } from './docker.ts';
import { type FaultLoad, runScenario, type ScenarioResult } from './run-scenario.ts';
import { SCENARIOS } from './scenarios.ts';
import { ComposeStack } from './stack.ts';

const IMAGE = 'crossrank:bench';
const SERVICES = ['proxy', 'proxy-large', 'server'];

/** @throws Error without a container engine, or when a scenario cannot be played */
export async function faults(context: BenchContext): Promise<PartResult> {
  await requireEngine();
  context.say('faults: building the image');
  await docker(['build', '--quiet', '--tag', IMAGE, ROOT]);
  const load = await loadOf(context);
  const stack = await ComposeStack.up({ project: 'crossrank-bench', image: IMAGE, replicas: 2, services: SERVICES });
  const results: ScenarioResult[] = [];
  try {
    for (const scenario of SCENARIOS) {
      context.say(`faults: ${scenario.title}`);
      results.push(await runScenario(stack, scenario, load));
    }
  } finally {
    await stack.down();
  }
  return report(results, load);
}

/** Far below what the machine can do: a fault is to be seen, not an overload. */
async function loadOf({ quick }: BenchContext): Promise<FaultLoad> {
  const known = await knownRequests();
  const shots = [...Array(24).fill(known.small), ...Array(4).fill(known['200 KB']), ...Array(2).fill(known['5 MB'])];
  return { shots, ratePerSecond: 10, quietMs: quick ? 2_000 : 15_000 };
}

function report(results: readonly ScenarioResult[], { ratePerSecond }: FaultLoad): PartResult {
  const lossless = results.filter((_result, i) => SCENARIOS[i]!.lossless);
  return {
    tables: results.map(({ title, counts, outcomes }) => ({
      title: `${title}: ${JSON.stringify(outcomes)}`,
      rows: counts.map((each): Row => ({ ...each })),
    })),
    wanted: lossless.map((result) => atMost(`${result.title}: requests lost`, lost(result), 0)),
    charts: [chart(results, ratePerSecond)],
    results: {
      note: 'Load generator, proxies and replicas share the machine. A request is right when its ranking is the known one.',
      rate_per_second: ratePerSecond,
      scenarios: results,
    },
  };
}

function lost({ counts }: ScenarioResult): number {
  return counts.reduce((sum, each) => sum + each.lost, 0);
}

function chart(results: readonly ScenarioResult[], ratePerSecond: number): PartResult['charts'][number] {
  const bars = results.map((result) => {
    const requests = result.counts.reduce((sum, each) => sum + each.requests, 0);
    const longest = Math.max(...result.counts.map(({ longest_ms }) => longest_ms));
    return {
      label: result.scenario,
      value: longest,
      accent: lost(result) === 0,
      note: `${lost(result)} of ${requests} lost`,
    };
  });
  const subtitle = `${ratePerSecond} requests a second, bodies of 600 bytes, 200 KB and 5 MB`;
  return {
    name: 'faults',
    title: 'Requests through the proxy while replicas fail',
    subtitle,
    panels: [{ title: 'longest answer', unit: 'ms', bars }],
  };
}

// `npm run bench`: speed and memory side by side, on random weights. Prints tables, writes bench/results.

import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { engine } from './engine/engine.ts';
import { sweep } from './engine/sweep.ts';
import { faults } from './faults/faults.ts';
import { http } from './http/http.ts';
import { mixed } from './load/mixed.ts';
import { load } from './load/overload.ts';
import { soak } from './load/soak.ts';
import { provenance, REFUSED_LOAD } from './machine.ts';
import { growth } from './memory/growth.ts';
import { memory } from './memory/memory.ts';
import { PART_NAMES, type Part, type PartName, type PartResult } from './part.ts';
import { pool } from './pool/pool.ts';
import { printPart, writePart } from './report/report.ts';
import { sizing } from './sizing/sizing.ts';
import { versions } from './versions/versions.ts';
import { worst } from './worst/worst.ts';

const PARTS: Readonly<Record<PartName, Part>> = {
  engine,
  pool,
  http,
  memory,
  growth,
  sizing,
  sweep,
  load,
  mixed,
  soak,
  faults,
  worst,
  versions,
};

/** The rest is long and answers other questions: the worker's constants, growth, sizing, overload, soak and hostile requests; faults need a container engine, versions another checkout. */
const DEFAULT_PARTS: readonly PartName[] = ['engine', 'pool', 'http', 'memory'];

const HELP = `npm run bench -- [--quick] [--only PART,PART] [--force] [--write]

Measures on this machine, with random weights in the shapes of MiniLM-L6-H384 and BERT-base; nothing is downloaded.
Parts: ${PART_NAMES.join(', ')}; without --only: ${DEFAULT_PARTS.join(', ')}.

  --only PARTS   only these, separated by commas
  --against DIR  for versions: another checkout of the project, built (npm run build)
  --quick        a smaller corpus and fewer rounds, about a minute; shows that it works, writes nothing
  --write        with --quick: write bench/results all the same
  --force        measure although the machine is busy (load above ${REFUSED_LOAD}); the results are marked
  --help
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      against: { type: 'string' },
      force: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const parts = chooseParts(values.only);
  if (parts === null) {
    console.error(`--only ${values.only}: the parts are ${PART_NAMES.join(', ')}`);
    process.exitCode = 2;
    return;
  }
  if (!isQuietEnough(values.force)) {
    process.exitCode = 1;
    return;
  }
  const missed = await runParts(parts, {
    quick: values.quick,
    write: !values.quick || values.write,
    against: values.against ?? null,
  });
  if (missed > 0) console.log(`\n${missed} of the wanted figures were not met on this machine`);
}

/** @returns null on an unknown name */
function chooseParts(only: string | undefined): readonly PartName[] | null {
  if (only === undefined) return DEFAULT_PARTS;
  const asked = only.split(',');
  if (asked.some((name) => !(PART_NAMES as readonly string[]).includes(name))) return null;
  return PART_NAMES.filter((name) => asked.includes(name));
}

function isQuietEnough(force: boolean): boolean {
  const [one, five, fifteen] = loadavg() as [number, number, number];
  console.log(`load over 1, 5 and 15 minutes: ${[one, five, fifteen].map((load) => load.toFixed(2)).join(', ')}`);
  if (one <= REFUSED_LOAD) return true;
  if (force) {
    console.log('the machine is busy: ratios may hold, absolute figures do not; the results are marked');
    return true;
  }
  console.error(`the machine is busy: nothing measured now would be true. Wait, or --force to measure all the same.`);
  return false;
}

interface RunOptions {
  readonly quick: boolean;
  readonly write: boolean;
  readonly against: string | null;
}

/** @returns how many wanted figures were missed */
async function runParts(parts: readonly PartName[], { quick, write, against }: RunOptions): Promise<number> {
  // Read once: what the bench itself does must not count as load, nor its results as changes.
  const origin = provenance(quick);
  if (origin.busy) console.log(`warning: load ${origin.load_before} before the start; the results are marked busy`);
  const context = {
    quick,
    cores: origin.machine.cores,
    flags: origin.machine.flags,
    against,
    say: (line: string) => console.log(`- ${line}`),
  };
  let missed = 0;
  for (const name of parts) {
    const started = performance.now();
    const result: PartResult = await PARTS[name](context);
    printPart(result);
    missed += result.wanted.filter(({ met }) => met === false).length;
    const files = write ? writePart(name, result, origin) : [];
    console.log(`${name}: ${((performance.now() - started) / 1000).toFixed(0)} s${files.map((file) => `\n  ${file}`).join('')}`);
  }
  return missed;
}

await main();

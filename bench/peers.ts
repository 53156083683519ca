// `npm run bench:peers`: crossrank beside transformers.js, sentence-transformers and the service it grew from, on the same model and texts.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { loadModelSpec } from '../src/model/model-spec.ts';
import { type Provenance, provenance, REFUSED_LOAD } from './machine.ts';
import { endChildren } from './peers/children.ts';
import { install } from './peers/install.ts';
import { measureLibraries } from './peers/library.ts';
import { benchModel, withTorchWeights } from './peers/model.ts';
import { type BenchContext, type BenchOptions, HELP, parseOptions } from './peers/options.ts';
import { type Installed, installed } from './peers/places.ts';
import { print, write } from './peers/report.ts';
import { measureServices } from './peers/service.ts';

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) return console.log(HELP);
  if (options.install) return reportInstall(install());
  const taken = provenance(options.plan.quick);
  if (!isQuietEnough(taken.load_before, options.force)) return;
  giveUpAfter(options.plan.limitMs);
  const folder = mkdtempSync(join(tmpdir(), 'crossrank-peers-'));
  try {
    await run(options, folder, taken);
  } finally {
    await endChildren();
    rmSync(folder, { recursive: true, force: true });
  }
}

function reportInstall(problems: readonly string[]): void {
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
}

function isQuietEnough(load: number, force: boolean): boolean {
  console.log(`load before: ${load}`);
  if (load <= REFUSED_LOAD || force) return true;
  console.error(`the machine is busy (load above ${REFUSED_LOAD}): wait, or measure all the same with --force`);
  process.exitCode = 1;
  return false;
}

/** Ends the process, and with it every child, when a system never answers. */
function giveUpAfter(limitMs: number): void {
  const giveUp = () => {
    console.error(`gave up after ${limitMs / 1000} s`);
    process.exit(1);
  };
  setTimeout(giveUp, limitMs).unref();
}

async function run(options: BenchOptions, folder: string, taken: Provenance): Promise<void> {
  const startedMs = performance.now();
  const skipped = skippedPeers(installed());
  for (const peer of skipped) console.log(`skipped: ${peer} is not installed (npm run bench:peers -- --install)`);
  const context = await prepare(options, folder);
  const library = await measureLibraries(context);
  const service = await measureServices(context);
  const report = { ...taken, model: basename(context.model), skipped, library, service };
  print(report);
  console.log(`took ${Math.round((performance.now() - startedMs) / 1000)} s`);
  if (options.write || (!options.plan.quick && skipped.length === 0)) console.log(`written: ${write(report)}`);
}

async function prepare({ plan, model: named }: BenchOptions, folder: string): Promise<BenchContext> {
  const found = installed();
  const model = await benchModel(named);
  const { activation } = loadModelSpec(model, { id: null, onnxFile: null, maxLength: null, pairTemplate: null });
  return { plan, installed: found, model, torchModel: found.python ? withTorchWeights(model) : null, activation, folder };
}

function skippedPeers({ transformersJs, python }: Installed): string[] {
  return [...(transformersJs ? [] : ['transformers.js']), ...(python ? [] : ['sentence-transformers', "the original's service"])];
}

await main();

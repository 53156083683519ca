// The library form: rank(query, documents), one call at a time, every system in a process of its own.

import { join } from 'node:path';
import { interleave } from '../interleave.ts';
import { median } from '../statistics.ts';
import { largestDisagreement, spread } from './agreement.ts';
import type { Command } from './children.ts';
import { type Answer, Driver } from './driver.ts';
import type { BenchContext } from './options.ts';
import { DRIVERS, PEERS, PYTHON } from './places.ts';
import { medianRatio } from './ratios.ts';
import { makeCalls, writeCalls } from './requests.ts';

/** A system measured as a library. The first of a list is ours. */
export interface LibraryPeer {
  readonly name: string;
  readonly command: (requestsFile: string) => Command;
}

/** Figures of one system. */
export interface LibraryFigures {
  readonly peer: string;
  readonly documents_per_second: number;
  /** How many times as fast crossrank was; 1 for itself. */
  readonly ratio: number;
  readonly largest_score_difference: number;
  /** Of each round's call. */
  readonly seconds: readonly number[];
  readonly versions: Readonly<Record<string, string>>;
}

/** What was measured, and on what. */
export interface LibraryResult {
  readonly documents: number;
  readonly score_spread: number;
  readonly systems: readonly LibraryFigures[];
}

/** The systems that can run here, ours first. */
export function libraryPeers({ model, torchModel, activation, installed }: BenchContext): LibraryPeer[] {
  const node = (script: string, ...args: readonly string[]) => ({
    file: process.execPath,
    args: [join(DRIVERS, script), ...args],
  });
  const transformersJs = (batch: number) => (requests: string) =>
    node('drive-transformers-js.js', model, requests, activation, String(batch));
  const python = (backend: string) => (requests: string) => ({
    file: PYTHON,
    args: [join(PEERS, 'rank_driver.py'), '--model', torchModel!, '--requests', requests, '--backend', backend],
  });
  return [
    { name: 'crossrank', command: (requests) => node('drive-crossrank.js', model, requests) },
    ...(installed.transformersJs
      ? [
          { name: 'transformers.js, one call', command: transformersJs(0) },
          { name: 'transformers.js, batches of 32', command: transformersJs(32) },
        ]
      : []),
    ...(torchModel === null
      ? []
      : [
          { name: 'sentence-transformers, torch', command: python('torch') },
          { name: 'sentence-transformers, onnx', command: python('onnx') },
        ]),
  ];
}

/**
 * Measures every system on the same calls, round by round. Processes are left running when it throws: see endChildren.
 *
 * @throws Error when a system fails or gives other scores than ours
 */
export async function measureLibraries(context: BenchContext): Promise<LibraryResult> {
  const { plan, model, folder } = context;
  const documents = plan.libraryDocuments;
  const calls = makeCalls(model, { calls: plan.rounds + 1, documents, seed: 'peers, library' });
  const drivers = await startAll(libraryPeers(context), writeCalls(folder, calls));
  const warmUp = new Map<string, Answer[]>();
  for (const [name, driver] of drivers) warmUp.set(name, [await driver.rank(0)]);
  compareAll(warmUp); // before minutes are spent on systems that do other work
  const limits = { minRounds: 1, maxRounds: plan.rounds, budgetMs: plan.libraryBudgetMs };
  const measured = new Map(Object.entries(await interleave(Object.fromEntries([...drivers].map(nextCall)), limits)));
  await Promise.all([...drivers.values()].map((driver) => driver[Symbol.asyncDispose]()));
  const [[first] = []] = warmUp.values();
  return { documents, score_spread: spread(first!.ranking), systems: figures(drivers, measured, documents) };
}

/** All at once: the Python ones take ten seconds to import what they need. */
async function startAll(peers: readonly LibraryPeer[], requests: string): Promise<Map<string, Driver>> {
  const started = await Promise.all(
    peers.map(async ({ name, command }) => [name, await Driver.start(command(requests))] as const),
  );
  return new Map(started);
}

/** Ranks call 1, 2 ... so that a round is the same call for everyone. */
function nextCall([name, driver]: readonly [string, Driver]): [string, () => Promise<Answer>] {
  let call = 0;
  return [name, () => driver.rank(++call)];
}

/** @returns the largest difference of a score by system; the first system is the measure */
function compareAll(answers: ReadonlyMap<string, readonly Answer[]>): Map<string, number> {
  const [ours = []] = answers.values();
  const expected = ours.map(({ ranking }) => ranking);
  return new Map(
    [...answers].map(([name, each]) => [
      name,
      largestDisagreement(
        name,
        expected,
        each.map(({ ranking }) => ranking),
      ),
    ]),
  );
}

function figures(
  drivers: ReadonlyMap<string, Driver>,
  measured: ReadonlyMap<string, readonly Answer[]>,
  documents: number,
): LibraryFigures[] {
  const differences = compareAll(measured);
  const seconds = (name: string): number[] => measured.get(name)!.map((answer) => answer.seconds);
  const [ours] = drivers.keys();
  return [...drivers].map(([name, driver]) => ({
    peer: name,
    documents_per_second: documents / median(seconds(name)),
    ratio: medianRatio(seconds(name), seconds(ours!)),
    largest_score_difference: differences.get(name)!,
    seconds: seconds(name),
    versions: driver.facts.versions,
  }));
}

// The command line of bench:peers, and what a run is made of.

import { parseArgs } from 'node:util';
import type { Installed } from './places.ts';

export const HELP = `npm run bench:peers -- [--install] [--quick] [--write] [--force] [--model DIR]
  --install    sets up the peers in bench/peers (npm ci, a virtual environment) and ends; PYTHON=... names an interpreter
  --quick      one round of one small load, at most two minutes: shows that it works; writes no results without --write
  --write      writes bench/results/peers.json although the run is quick or a peer is missing
  --force      measures although the machine is busy
  --model DIR  a BERT-like model with model.onnx instead of random weights in the shape of MiniLM-L6`;

/** How much is measured. */
export interface Plan {
  readonly quick: boolean;
  /** When a run that hangs is given up. */
  readonly limitMs: number;
  /** At most; the budgets decide. */
  readonly rounds: number;
  readonly libraryDocuments: number;
  readonly libraryBudgetMs: number;
  readonly loads: readonly Load[];
  /** For each load. */
  readonly loadBudgetMs: number;
}

/** A closed loop: so many connections, each sends its requests one after the other. */
export interface Load {
  readonly connections: number;
  readonly documents: number;
  readonly requestsPerConnection: number;
}

/** What every part of the benchmark needs to know. */
export interface BenchContext {
  readonly plan: Plan;
  readonly installed: Installed;
  /** Directory with model.onnx. */
  readonly model: string;
  /** The same with model.safetensors; null without Python. */
  readonly torchModel: string | null;
  /** crossrank's name of the model's activation; transformers.js gives logits. */
  readonly activation: string;
  /** For files the systems read; removed afterwards. */
  readonly folder: string;
}

/** Starts, warm-up and checks take about a minute besides the budgets; the first round of each part always runs. */
const FULL: Plan = {
  quick: false,
  limitMs: 900_000,
  rounds: 5,
  libraryDocuments: 200,
  libraryBudgetMs: 150_000,
  loads: [
    { connections: 8, documents: 16, requestsPerConnection: 4 },
    { connections: 8, documents: 50, requestsPerConnection: 2 },
  ],
  loadBudgetMs: 170_000,
};

const QUICK: Plan = {
  quick: true,
  limitMs: 300_000,
  rounds: 1,
  libraryDocuments: 50,
  libraryBudgetMs: 0,
  loads: [{ connections: 8, documents: 16, requestsPerConnection: 1 }],
  loadBudgetMs: 0,
};

export interface BenchOptions {
  readonly help: boolean;
  readonly install: boolean;
  readonly force: boolean;
  /** Whether results are written although the run is quick or peers are missing. */
  readonly write: boolean;
  readonly model: string | null;
  readonly plan: Plan;
}

/** @throws TypeError naming a flag that is not known */
export function parseOptions(args: readonly string[]): BenchOptions {
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { help: flag, install: flag, quick: flag, write: flag, force: flag, model: { type: 'string' } },
  });
  return { ...values, model: values.model ?? null, plan: values.quick ? QUICK : FULL };
}

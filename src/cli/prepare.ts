// The command `crossrank prepare MODEL`: makes the copy that `serve` would make at its first start, checks it, compares it with float32.

import { Argument, Command, Option } from 'commander';
import { type Config, loadConfig } from '../config.ts';
import { copyBytes, type PreparedCopy } from '../model/prepared/copy-store.ts';
import type { PreparedEvent, PreparedWeights } from '../model/prepared/prepared-weights.ts';
import { renderProgress } from '../progress-bar.ts';
import type { ModelSpec } from '../protocol.ts';
import { addSomeConfigFlags, LOADING_KEYS, readSomeConfigFlags } from './config-flags.ts';
import { createConsole } from './console.ts';
import { createWeights, logPreparedEvent, readSpec } from './engine.ts';
import { CommandError, exitCodesHelp } from './exit-codes.ts';
import { endedBySignals } from './interrupt.ts';
import { compareWithFloat32 } from './prepare/compare.ts';
import type { Fidelity } from './prepare/fidelity.ts';
import { LINE_FORMAT, readJudgedQueries } from './prepare/judged-queries.ts';

const NOTES = `
A copy is made once for a state of the model, this runtime and this kind of CPU; serve and rank find it. --verify alone
reads every byte of the copy and makes it again when it is damaged. --verify FILE.jsonl also scores the file's queries with
float32 and with the copy and tells how the scores and rankings differ; a line is
  ${LINE_FORMAT}

Examples:
  crossrank prepare BAAI/bge-reranker-large
  crossrank prepare models/bge-reranker-large --dtype int8 --verify judged.jsonl`;

interface PrepareFlags {
  readonly verify?: string | true;
  readonly json?: true;
  readonly quiet?: true;
}

/** What is shown; the names are those of `--json`. */
interface PrepareReport {
  readonly model: string;
  readonly dtype: string;
  readonly packed: boolean;
  readonly directory: string;
  readonly bytes: number;
  /** The copy was there already. */
  readonly reused: boolean;
  /** Files that were not what was written; null without --verify. */
  readonly damaged: readonly string[] | null;
  readonly fidelity: Fidelity | null;
}

export function prepareCommand(): Command {
  const command = new Command('prepare')
    .description('make the packed (or int8) copy of a model ahead of time, verify it')
    .addArgument(new Argument('[model]', 'directory, or model of the hub; the embedded model when left out'))
    .addOption(new Option('--verify [file]', 'read the whole copy; with a file, compare its rankings with float32'))
    .addOption(new Option('--json', 'one JSON object'));
  addSomeConfigFlags(command, LOADING_KEYS)
    .addOption(new Option('--quiet', 'no progress and no notes'))
    .addOption(new Option('--verbose', 'causes and stacks of errors'));
  command.addHelpText('after', `${NOTES}\n${exitCodesHelp()}`);
  return command.action(async (model: string | undefined, flags: PrepareFlags) => {
    const { config } = loadConfig(readSomeConfigFlags(command, LOADING_KEYS));
    const named = model === undefined ? config : { ...config, modelId: model };
    const report = await endedBySignals((signal) => prepare(named, flags, signal));
    process.stdout.write(flags.json === true ? `${JSON.stringify(report, null, 2)}\n` : reportText(report));
  });
}

async function prepare(config: Config, flags: PrepareFlags, signal: AbortSignal): Promise<PrepareReport> {
  if (!config.prepared && config.dtype === 'float32') {
    throw new CommandError('usage', '--prepared off leaves nothing to prepare for float32');
  }
  const quiet = flags.quiet === true;
  const console = createConsole({ quiet, stream: process.stderr });
  const spec = await readSpec(config, console, signal, quiet);
  const progress = createProgress(quiet);
  try {
    const weights = createWeights(config, spec, (event) => {
      progress.show(event);
      if (event.kind !== 'progress') logPreparedEvent(console, event);
    });
    return await prepareAndVerify({ config, spec, weights, flags, signal });
  } finally {
    progress.end();
  }
}

interface Call {
  readonly config: Config;
  readonly spec: ModelSpec;
  readonly weights: PreparedWeights;
  readonly flags: PrepareFlags;
  readonly signal: AbortSignal;
}

async function prepareAndVerify(call: Call): Promise<PrepareReport> {
  const { config, spec, weights, flags, signal } = call;
  const { copy, reused } = await weights.prepare(signal).catch(toCommandError);
  const verified = flags.verify === undefined ? null : await weights.verify(signal).catch(toCommandError);
  const fidelity = typeof flags.verify === 'string' ? await compare(call, flags.verify) : null;
  return {
    model: spec.id,
    dtype: config.dtype,
    packed: config.prepared,
    ...placeOf(verified?.copy ?? copy),
    reused,
    damaged: verified?.damaged ?? null,
    fidelity,
  };
}

async function compare({ config, spec, weights, flags, signal }: Call, file: string): Promise<Fidelity> {
  const bar = flags.quiet === true ? null : renderProgress('queries', null);
  try {
    const queries = readJudgedQueries(file, signal);
    return await compareWithFloat32({ config, spec, prepared: weights, queries, signal, onQuery: (done) => bar?.update(done) });
  } finally {
    bar?.end();
  }
}

function placeOf(copy: PreparedCopy): { directory: string; bytes: number } {
  return { directory: copy.directory, bytes: copyBytes(copy) };
}

/** Here a copy that cannot be written is a failure, not a reason to do without. */
function toCommandError(error: unknown): never {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'model_files' || code === 'cancelled' || code === 'config') throw error;
  throw new CommandError('output', `the copy cannot be written: ${message}`, { cause: error });
}

interface PrepareProgressBar {
  readonly show: (event: PreparedEvent) => void;
  readonly end: () => void;
}

/** Only the quantiser knows how far it is; packing is one long call of the runtime. */
function createProgress(quiet: boolean): PrepareProgressBar {
  let bar: ReturnType<typeof renderProgress> | null = null;
  const end = (): void => {
    bar?.end();
    bar = null;
  };
  return {
    show: (event) => {
      if (quiet || event.kind !== 'progress') return;
      if (event.stage !== 'quantize') return end();
      bar ??= renderProgress('quantising, bytes', event.total);
      bar.update(event.done, event.total);
    },
    end,
  };
}

function reportText({ model, dtype, packed, directory, bytes, reused, damaged, fidelity }: PrepareReport): string {
  const rows: (readonly [string, string])[] = [
    ['model', model],
    ['copy', `${dtype}${packed ? ', packed' : ''}, ${(bytes / 2 ** 20).toFixed(1)} MiB${reused ? ', was there already' : ''}`],
    ['directory', directory],
  ];
  if (damaged !== null)
    rows.push(['verified', damaged.length === 0 ? 'every byte is as written' : `damaged, made again: ${damaged.join(', ')}`]);
  if (fidelity !== null) rows.push(...fidelityRows(fidelity));
  return rows.map(([name, value]) => `${name.padEnd(22)}${value}\n`).join('');
}

function fidelityRows(fidelity: Fidelity): (readonly [string, string])[] {
  const { mrr_at_10: mrr, kendall_tau: tau } = fidelity;
  return [
    ['compared with float32', `${fidelity.queries} queries, ${fidelity.pairs} pairs`],
    ['largest score change', fidelity.largest_score_change.toPrecision(3)],
    ['mean score change', fidelity.mean_score_change.toPrecision(3)],
    ['Kendall tau', tau === null ? 'none: every query has equal scores only' : tau.toFixed(4)],
    ['same first document', `${(100 * fidelity.top1_agreement).toFixed(1)} % of the queries`],
    [
      'MRR@10',
      mrr === null
        ? 'not known: no document has a relevance'
        : `${mrr.float32.toFixed(4)} -> ${mrr.candidate.toFixed(4)} (${mrr.queries} queries)`,
    ],
  ];
}

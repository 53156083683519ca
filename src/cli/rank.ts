// The command `crossrank rank`: documents from files or standard input, ranked for one query or several.

import { existsSync, fstatSync } from 'node:fs';
import { Command } from 'commander';
import { type Config, loadConfig } from '../config.ts';
import { readSomeConfigFlags } from './config-flags.ts';
import { createConsole } from './console.ts';
import { CommandError, exitCodesHelp } from './exit-codes.ts';
import { type Interrupt, listenForInterrupts } from './interrupt.ts';
import { addRankFlags, MODEL_KEYS, type RankSettings, readRankSettings } from './rank/options.ts';
import { ReaderLeft, refuseOverwritingInput } from './rank/output.ts';
import { type Query, readQueries, typedQueries } from './rank/queries.ts';
import { stateFileOf } from './rank/resume.ts';
import { type RankJob, runJob } from './rank/session.ts';
import { findSources, type Source, STDIN } from './rank/sources.ts';
import { spoolStdin } from './rank/spool.ts';

const NOTES = `
Documents are lines, JSONL or CSV/TSV, in UTF-8; blank ones are passed over. A line may have 16 MiB.
With --top-k or --unsorted memory does not grow with the input; without, every document is kept until the end.
A run with --output, interrupted by anything, goes on with --resume and writes what it would have written.

Examples:
  crossrank rank -q 'what is a panda?' notes.txt
  crossrank rank -q 'what is a panda?' -k 10 --json corpus.jsonl.gz --text-field body.text
  crossrank rank --query-file queries.txt -k 100 corpus.tsv --column 2 --no-header -o results.jsonl --resume`;

export function rankCommand(): Command {
  const command = addRankFlags(new Command('rank').description('rank documents from files or standard input'));
  command.addHelpText('after', `${NOTES}\n${exitCodesHelp()}`);
  return command.action(async () => {
    const settings = readRankSettings(command.args, command.opts(), process.stdin.isTTY === true);
    const { config, warnings } = loadConfig(readSomeConfigFlags(command, MODEL_KEYS));
    const logger = createConsole({ quiet: settings.quiet, stream: process.stderr });
    for (const warning of warnings) logger.warn(warning);
    const interrupt = listenForInterrupts();
    try {
      await rankInputs({ settings, config, logger, signal: interrupt.signal });
    } catch (error) {
      if (error instanceof ReaderLeft) return;
      throw interruption(interrupt, settings) ?? error;
    } finally {
      interrupt.dispose();
    }
  });
}

type Call = Pick<RankJob, 'settings' | 'logger' | 'signal'> & { readonly config: Config };

/** Every input is looked at before the model is loaded, so that a misspelt name costs no wait. */
async function rankInputs(call: Call): Promise<void> {
  const { settings, signal } = call;
  const found = await findSources(settings.files, stdinBytes());
  const queryFile = settings.queryFile === null ? [] : await findSources([settings.queryFile], null);
  if (settings.output !== null) await refuseOverwritingInput(settings.output, [...found, ...queryFile]);
  const queries = await allQueries(settings, found, queryFile, signal);
  const spool = queries.length > 1 ? await spoolStdin(found, signal) : { sources: found, remove: async () => {} };
  try {
    const grouped = settings.queryFile !== null || settings.queries.length > 1;
    const numbered = queries.map((query, number) => ({ ...query, number }));
    await runJob({ ...call, queries: numbered, grouped, sources: spool.sources });
  } finally {
    await spool.remove();
  }
}

async function allQueries(
  settings: RankSettings,
  documents: readonly Source[],
  queryFile: readonly Source[],
  signal: AbortSignal,
): Promise<Query[]> {
  const [source] = queryFile;
  if (source === undefined) return typedQueries(settings.queries);
  if (source.path === null && documents.some(({ path }) => path === null))
    throw new CommandError('usage', `queries and documents cannot both come from standard input ('${STDIN}')`);
  return readQueries(source, { signal });
}

/** Size of standard input when it is a file (`< corpus.txt`), null for a pipe. */
function stdinBytes(): number | null {
  try {
    const found = fstatSync(0);
    return found.isFile() ? found.size : null;
  } catch {
    return null; // closed: reading it will tell
  }
}

/** What ended the run when a signal did; null when none came. */
function interruption(interrupt: Interrupt, { output }: RankSettings): CommandError | null {
  const exit = interrupt.exit();
  if (exit === null) return null;
  const resumable = output !== null && existsSync(stateFileOf(output));
  const hint = resumable ? '; the same command with --resume goes on' : '';
  return new CommandError(exit, `${exit}${hint}`);
}

// The command tree: every command, its help, and how usage errors are told.

import { Command, CommanderError } from 'commander';
import { VERSION } from '../version.ts';
import { completionCommand } from './completion.ts';
import { errorLines } from './console.ts';
import { EXIT_CODES, exitCodesHelp, exitOf } from './exit-codes.ts';
import { infoCommand } from './info.ts';
import { modelsCommand } from './models.ts';
import { prepareCommand } from './prepare.ts';
import { pullCommand } from './pull.ts';
import { rankCommand } from './rank.ts';
import { removeCommand } from './remove.ts';
import { serveCommand } from './serve.ts';

/** Builds the tree anew; nothing runs before `parseAsync`. */
export function createProgram(): Command {
  const program = new Command('crossrank')
    .description('Rank documents with a cross-encoder, as CrossEncoder.rank of sentence-transformers does.')
    .version(VERSION, '-V, --version')
    .addHelpText('after', exitCodesHelp());
  for (const command of [
    serveCommand(),
    rankCommand(),
    pullCommand(),
    prepareCommand(),
    infoCommand(),
    modelsCommand(),
    removeCommand(),
    completionCommand(),
  ])
    program.addCommand(command);
  for (const command of [program, ...program.commands]) tellUsageErrorsInOneLine(command);
  return program;
}

/** Flags without a command are for `serve`. */
export function withCommand(args: readonly string[]): readonly string[] {
  const [first] = args;
  const forProgram = ['-h', '--help', '-V', '--version'];
  const bare = first === undefined || (first.startsWith('-') && !forProgram.includes(first));
  return bare ? ['serve', ...args] : args;
}

/**
 * Prints a failure and sets the exit code. The event loop then ends by itself: leaving while a worker thread runs aborts the process.
 *
 * @param args what the process was started with: `serve` ends with 1 whatever is wrong, `--verbose` adds causes and stacks
 */
export function reportFailure(error: unknown, args: readonly string[]): void {
  const told = error instanceof CommanderError; // commander has printed it; help and version are "errors" of code 0
  const exit = told && error.exitCode === 0 ? 'ok' : told ? 'usage' : exitOf(error);
  const bySignal = exit === 'interrupted' || exit === 'terminated';
  process.exitCode = EXIT_CODES[args[0] === 'serve' && exit !== 'ok' && !bySignal ? 'failure' : exit].code;
  if (told) return;
  for (const line of errorLines(error, args.includes('--verbose'))) process.stderr.write(`${line}\n`);
}

/** `error: unknown option '--jsno'\n(Did you mean --json?)` becomes one line that also says where help is. */
function tellUsageErrorsInOneLine(command: Command): void {
  const help = command.parent === null ? 'crossrank --help' : `crossrank ${command.name()} --help`;
  command.exitOverride().configureOutput({
    outputError: (text, write) => {
      const message = text
        .trim()
        .replace(/^error: /, '')
        .replaceAll(/\s*\n\s*/g, ' ');
      write(`crossrank: ${message} (${help} tells more)\n`);
    },
  });
}

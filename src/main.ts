#!/usr/bin/env node
// Command line entry: chooses the command and turns every failure into one message and exit code 1.

import { Command, CommanderError } from 'commander';
import { serveCommand } from './cli/serve.ts';
import { RerankError } from './errors.ts';
import { VERSION } from './version.ts';

function createProgram(): Command {
  const program = new Command('crossrank')
    .description('Rank documents with a cross-encoder, as CrossEncoder.rank of sentence-transformers does, over HTTP.')
    .version(VERSION, '-V, --version')
    .showHelpAfterError('(crossrank --help shows the commands, crossrank serve --help the options)')
    .exitOverride();
  return program.addCommand(serveCommand().exitOverride());
}

/** Flags without a command are for `serve`. */
function withCommand(args: readonly string[]): readonly string[] {
  const [first] = args;
  const forProgram = ['-h', '--help', '-V', '--version'];
  const bare = first === undefined || (first.startsWith('-') && !forProgram.includes(first));
  return bare ? ['serve', ...args] : args;
}

/** The exit code is set and the event loop ends by itself: leaving while a worker thread runs aborts the process. */
function reportFailure(error: unknown): void {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode; // commander has printed it
    return;
  }
  process.exitCode = 1;
  const message = error instanceof RerankError ? error.message : String((error as Error)?.stack ?? error);
  for (const line of message.split('\n')) process.stderr.write(`crossrank: ${line}\n`);
}

await createProgram()
  .parseAsync([...withCommand(process.argv.slice(2))], { from: 'user' })
  .catch(reportFailure);

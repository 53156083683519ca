// What a command says to a person: one line on stderr, `crossrank: ...`. Commands that serve nobody use it instead of the log.

import { RerankError } from '../errors.ts';
import type { LogFields, Logger } from '../logger.ts';
import { CommandError } from './exit-codes.ts';

export interface ConsoleOptions {
  /** Only errors are shown. */
  readonly quiet: boolean;
  readonly stream: NodeJS.WritableStream;
}

/** A Logger for commands: warnings and notes as lines for people, debug dropped. */
export function createConsole({ quiet, stream }: ConsoleOptions): Logger {
  const say =
    (prefix: string) =>
    (message: string, fields: LogFields = {}) => {
      const details = Object.entries(fields).map(([name, value]) => ` ${name}=${String(value)}`);
      stream.write(`crossrank: ${prefix}${oneLine(message)}${details.join('')}\n`);
    };
  const silent = () => {};
  const logger: Logger = {
    error: say(''),
    warn: quiet ? silent : say('warning: '),
    info: quiet ? silent : say(''),
    debug: silent,
    child: () => logger,
  };
  return logger;
}

/**
 * An error as lines for stderr. One line, unless the error lists several problems; `verbose` adds causes and stacks.
 * What is not an error of ours is a bug, and its stack is always shown.
 */
export function errorLines(error: unknown, verbose: boolean): string[] {
  const ours = error instanceof RerankError || error instanceof CommandError;
  if (verbose || !ours) return chain(error).map((line) => `crossrank: ${line}`);
  return error.message.split('\n').map((line) => `crossrank: ${line}`);
}

function chain(error: unknown): string[] {
  if (!(error instanceof Error)) return [String(error)];
  const lines = [error.message, ...(error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))];
  if (error.cause === undefined) return lines;
  const [first, ...rest] = chain(error.cause);
  return [...lines, `caused by: ${first}`, ...rest];
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ');
}

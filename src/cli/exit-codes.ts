// The one table of exit codes, and the way from any error to its code. The command line alone uses it.

import { type ErrorCode, RerankError } from '../errors.ts';

/** Exit code and meaning, in the order of `--help`. */
export const EXIT_CODES = {
  ok: { code: 0, meaning: 'done; also when the reader of standard output left early (| head)' },
  failure: { code: 1, meaning: 'failed while running; serve: also every problem of its configuration' },
  usage: { code: 2, meaning: 'usage error: unknown command or flag, a value out of range, no query' },
  model: { code: 3, meaning: 'the model cannot be loaded' },
  input: { code: 4, meaning: 'queries or documents cannot be read' },
  output: { code: 5, meaning: 'results cannot be written, or an interrupted run cannot be resumed' },
  interrupted: { code: 130, meaning: 'interrupted (Ctrl-C); --resume continues' },
  terminated: { code: 143, meaning: 'terminated (SIGTERM); --resume continues' },
} as const;

export type ExitName = keyof typeof EXIT_CODES;

/** A failure of a command whose exit code is known where it is thrown. `message` is one line for a person. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exit: ExitName;

  constructor(exit: ExitName, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.exit = exit;
  }
}

/** Codes of the domain that a command's caller can mend, or that name what is at fault; any other is a failure while running. */
const EXIT_OF_CODE: Partial<Record<ErrorCode, ExitName>> = {
  config: 'usage',
  validation: 'usage',
  model_files: 'model',
};

/** Which exit a thrown value stands for. */
export function exitOf(error: unknown): ExitName {
  if (error instanceof CommandError) return error.exit;
  if (error instanceof RerankError) return EXIT_OF_CODE[error.code] ?? 'failure';
  return 'failure';
}

/** The table as `--help` shows it. */
export function exitCodesHelp(): string {
  const rows = Object.values(EXIT_CODES).map(({ code, meaning }) => `  ${String(code).padEnd(5)}${meaning}`);
  return ['', 'Exit codes:', ...rows].join('\n');
}

// What completion needs to know of the commands, read from commander's definitions: no list is kept by hand.

import type { Command, Option } from 'commander';

/** What a value may be: one of some words, a path, or anything. */
export type ValueKind =
  | { readonly kind: 'choices'; readonly choices: readonly string[] }
  | { readonly kind: 'file' }
  | { readonly kind: 'directory' }
  | { readonly kind: 'text' };

export interface CompletedOption {
  /** `-q`, null when there is none. */
  readonly short: string | null;
  /** `--query` */
  readonly long: string;
  readonly description: string;
  /** Null for a switch; an optional value counts as none, for a word after it is not taken for it. */
  readonly value: ValueKind | null;
  readonly repeatable: boolean;
}

export interface CompletedCommand {
  readonly name: string;
  readonly description: string;
  readonly options: readonly CompletedOption[];
  /** What its arguments may be; null when it takes none. */
  readonly argument: ValueKind | null;
}

/** Command of flags given without one. */
export const DEFAULT_COMMAND = 'serve';

/** Every command of the program, `help` included, whose arguments are the others. */
export function completedCommands(program: Command): CompletedCommand[] {
  const help = program.createHelp();
  return help.visibleCommands(program).map((command) => ({
    name: command.name(),
    description: command.description(),
    options: command.createHelp().visibleOptions(command).map(completedOption),
    argument: command.name() === 'help' ? choices(program.commands.map((each) => each.name())) : argumentOf(command),
  }));
}

function completedOption(option: Option): CompletedOption {
  return {
    short: option.short ?? null,
    long: option.long!,
    description: option.description,
    value: option.required ? valueKind(option.argChoices, placeholderOf(option)) : null,
    repeatable: /repeatable/.test(option.description),
  };
}

function argumentOf(command: Command): ValueKind | null {
  const [argument] = command.registeredArguments;
  return argument === undefined ? null : valueKind(argument.argChoices, argument.name().replace(/s$/, ''));
}

/** `file` of `-o, --output <file>` */
function placeholderOf({ flags }: Option): string {
  return /[<[]([^>\]]+)[>\]]/.exec(flags)?.[1] ?? '';
}

/** The placeholder tells the kind: `on|off` are words, `file` and `directory` paths. */
function valueKind(words: readonly string[] | undefined, placeholder: string): ValueKind {
  if (words !== undefined) return choices(words);
  if (/^\w+(\|\w+)+$/.test(placeholder) && placeholder !== 'name|position') return choices(placeholder.split('|'));
  if (placeholder === 'model') return { kind: 'directory' }; // or a name of the hub, which nobody can list
  return placeholder === 'file' || placeholder === 'directory' ? { kind: placeholder } : { kind: 'text' };
}

function choices(words: readonly string[]): ValueKind {
  return { kind: 'choices', choices: words };
}

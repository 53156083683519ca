// Pure: the completion script for fish.

import { type CompletedCommand, type CompletedOption, DEFAULT_COMMAND, type ValueKind } from './model.ts';

export function fishScript(commands: readonly CompletedCommand[]): string {
  const names = commands.map(({ name }) => name).join(' ');
  const lines = commands.flatMap((command) => commandLines(command, names));
  return [
    '# Completion of crossrank for fish, made by: crossrank completion fish',
    'complete -c crossrank -f',
    ...lines,
    '',
  ].join('\n');
}

function commandLines({ name, description, options, argument }: CompletedCommand, names: string): string[] {
  const seen = `__fish_seen_subcommand_from ${name}`;
  const here = name === DEFAULT_COMMAND ? `${seen}; or not __fish_seen_subcommand_from ${names}` : seen;
  return [
    `complete -c crossrank -n ${quote(`not __fish_seen_subcommand_from ${names}`)} -a ${name} -d ${quote(description)}`,
    ...options.map((option) => `complete -c crossrank -n ${quote(here)} ${optionFlags(option)}`),
    ...(argument === null ? [] : [`complete -c crossrank -n ${quote(seen)} ${argumentFlags(argument)}`]),
  ];
}

function optionFlags({ short, long, description, value }: CompletedOption): string {
  const flags = [...(short === null ? [] : [`-s ${short.slice(1)}`]), `-l ${long.slice(2)}`];
  const values = value === null ? [] : ['-r', argumentFlags(value)];
  return [...flags, ...values, `-d ${quote(description)}`].join(' ');
}

function argumentFlags(value: ValueKind): string {
  switch (value.kind) {
    case 'choices':
      return `-f -a ${quote(value.choices.join(' '))}`;
    case 'file':
      return '-F';
    case 'directory':
      return "-f -a '(__fish_complete_directories)'";
    case 'text':
      return '-f';
  }
}

/** In single quotes fish knows two escapes. */
function quote(text: string): string {
  return `'${text.replaceAll(/[\\']/g, '\\$&')}'`;
}

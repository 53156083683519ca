// Pure: the completion script for zsh.

import { type CompletedCommand, type CompletedOption, DEFAULT_COMMAND, type ValueKind } from './model.ts';

/** Works from a folder of fpath (file name _crossrank) and when sourced after compinit. */
export function zshScript(commands: readonly CompletedCommand[]): string {
  const described = commands.map(({ name, description }) => `    ${quote(`${name}:${description}`)}`);
  return `#compdef crossrank
# Completion of crossrank for zsh, made by: crossrank completion zsh
_crossrank() {
  local -a commands=(
${described.join('\n')}
  )
  if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
    _describe -t commands command commands
    return
  fi
  local command=$words[2]
  if [[ $command == -* ]]; then command=${DEFAULT_COMMAND}; else shift words; (( CURRENT -= 1 )); fi
  case $command in
${commands.map(commandCase).join('\n')}
  esac
}
if [[ $funcstack[1] == _crossrank ]]; then _crossrank "$@"; else compdef _crossrank crossrank; fi
`;
}

function commandCase({ name, options, argument }: CompletedCommand): string {
  const specs = [...options.map(optionSpec), ...(argument === null ? [] : [quote(`*:${argument.kind}:${action(argument)}`)])];
  return `    ${name})
      _arguments ${specs.join(' \\\n        ')} ;;`;
}

/** `'(-q --query)'{-q,--query}'[description]:text: '` */
function optionSpec({ short, long, description, value, repeatable }: CompletedOption): string {
  const tail = `[${description.replaceAll(/[\\[\]:]/g, '\\$&')}]${value === null ? '' : `:value:${action(value)}`}`;
  if (repeatable)
    return [short, long]
      .filter((flag) => flag !== null)
      .map((flag) => quote(`*${flag}${tail}`))
      .join(' ');
  return short === null ? quote(`${long}${tail}`) : `'(${short} ${long})'{${short},${long}}${quote(tail)}`;
}

function action(value: ValueKind): string {
  switch (value.kind) {
    case 'choices':
      return `(${value.choices.join(' ')})`;
    case 'file':
      return '_files';
    case 'directory':
      return '_files -/';
    case 'text':
      return ' ';
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

// Pure: the completion script for bash (3.2 and later, without the bash-completion package).

import { type CompletedCommand, type CompletedOption, DEFAULT_COMMAND, type ValueKind } from './model.ts';

/** Complete words are in COMP_WORDS; `--flag=value` comes as three of them. */
export function bashScript(commands: readonly CompletedCommand[]): string {
  const names = commands.map(({ name }) => name).join(' ');
  return `# Completion of crossrank for bash, made by: crossrank completion bash
_crossrank() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]} IFS=$'\\n'
  COMPREPLY=()
  if [[ $cur == = ]]; then cur=''
  elif [[ $prev == = ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
  if [[ $COMP_CWORD -eq 1 && $cur != -* ]]; then
    COMPREPLY=($(compgen -W $'${names.replaceAll(' ', '\\n')}' -- "$cur"))
    return
  fi
  [[ $command == -* ]] && command=${DEFAULT_COMMAND}
  case $command in
${commands.map(commandCase).join('\n')}
  esac
}
complete -F _crossrank crossrank
`;
}

function commandCase({ name, options, argument }: CompletedCommand): string {
  const values = options.filter(({ value }) => value !== null);
  const flags = options.flatMap(({ short, long }) => (short === null ? [long] : [short, long]));
  return `    ${name})
      case $prev in
${values.map(valueCase).join('\n')}
      esac
      if [[ $cur == -* ]]; then ${reply(words(flags))}
      else ${argument === null ? ':' : replyFor(argument)}; fi ;;`;
}

function valueCase({ short, long, value }: CompletedOption): string {
  const pattern = short === null ? long : `${short}|${long}`;
  return `        ${pattern}) ${value === null ? ':' : replyFor(value)}; return ;;`;
}

function replyFor(value: ValueKind): string {
  switch (value.kind) {
    case 'choices':
      return reply(words(value.choices));
    case 'file':
      return `compopt -o filenames 2>/dev/null; ${reply('-f')}`;
    case 'directory':
      return `compopt -o filenames 2>/dev/null; ${reply('-d')}`;
    case 'text':
      return ':';
  }
}

function words(list: readonly string[]): string {
  return `-W $'${list.join('\\n')}'`;
}

function reply(action: string): string {
  return `COMPREPLY=($(compgen ${action} -- "$cur"))`;
}

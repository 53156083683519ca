// The command `crossrank completion SHELL`: a script made from the command definitions themselves.

import { Argument, Command } from 'commander';
import { bashScript } from './completion/bash.ts';
import { fishScript } from './completion/fish.ts';
import { type CompletedCommand, completedCommands } from './completion/model.ts';
import { zshScript } from './completion/zsh.ts';

/** A line each, for the help. */
const INSTALLATION = `
Installation:
  bash  crossrank completion bash > ~/.local/share/bash-completion/completions/crossrank
  zsh   crossrank completion zsh > "\${fpath[1]}/_crossrank"
  fish  crossrank completion fish > ~/.config/fish/completions/crossrank.fish`;

const SHELLS: Readonly<Record<string, (commands: readonly CompletedCommand[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

export function completionCommand(): Command {
  const command = new Command('completion').description('print a shell completion script');
  command.addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(SHELLS))).addHelpText('after', INSTALLATION);
  return command.action((shell: string) => {
    process.stdout.write(SHELLS[shell]!(completedCommands(command.parent!)));
  });
}

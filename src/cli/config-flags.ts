// Puts the option table on a commander command and reads back what was typed.

import { type Command, Option } from 'commander';
import { environmentName, OPTIONS, type OptionKey, type OptionSpec, optionEntries } from '../config/options.ts';
import type { FlagTexts } from '../config.ts';
import { didYouMean } from '../nearest-name.ts';

/** Options that say which model is loaded, and how. Commands that take its name as an argument leave `modelId` out. */
export const LOADING_KEYS = [
  'revision',
  'onnxFile',
  'dtype',
  'prepared',
  'cacheDirectory',
  'hubCacheDirectory',
  'offline',
  'hfToken',
  'maxLength',
  'pairTemplate',
  'workers',
  'cpuMemArena',
] as const satisfies readonly OptionKey[];

export interface TypedFlags {
  readonly flags: FlagTexts;
  /** Unknown flags and stray arguments; reported together with the problems of known ones. */
  readonly problems: readonly string[];
}

/** Adds every option. Unknown ones are collected instead of ending the parse, so that all problems show at once. */
export function addConfigFlags(command: Command): Command {
  for (const [, spec] of optionEntries()) command.addOption(toCommanderOption(spec));
  return command.allowUnknownOption(true).allowExcessArguments(true);
}

/** Adds some options of the table; unknown flags end the parse. */
export function addSomeConfigFlags(command: Command, keys: readonly OptionKey[]): Command {
  for (const key of keys) command.addOption(toCommanderOption(OPTIONS[key] as OptionSpec<unknown>));
  return command;
}

/**
 * What was typed of the options added by {@link addSomeConfigFlags}. Only `serve` starts several processes: a variable that is set for it must
 * not take workers from another command.
 */
export function readSomeConfigFlags(command: Command, keys: readonly OptionKey[]): FlagTexts {
  const typed = command.opts<Record<string, unknown>>();
  const specs = keys.map((key) => OPTIONS[key] as OptionSpec<unknown>);
  const texts = specs.map((spec) => [spec.flag, flagText(typed[toCommanderOption(spec).attributeName()], spec)]);
  return { ...(keys.includes('processes') ? {} : { [OPTIONS.processes.flag]: '1' }), ...Object.fromEntries(texts) };
}

/** What was typed, after commander has parsed. */
export function readConfigFlags(command: Command): TypedFlags {
  const typed = command.opts<Record<string, unknown>>();
  const flags = Object.fromEntries(
    optionEntries().map(([, spec]) => [spec.flag, flagText(typed[toCommanderOption(spec).attributeName()], spec)]),
  );
  return { flags, problems: strayProblems(command.args) };
}

function toCommanderOption(spec: OptionSpec<unknown>): Option {
  const value = spec.aloneMeans === undefined ? `<${spec.placeholder}>` : `[${spec.placeholder}]`;
  const short = spec.flag === 'port' ? '-p, ' : '';
  const help = `${spec.help} (default: ${spec.fallbackText}; env: ${environmentName(spec)})`;
  const option = new Option(`${short}--${spec.flag} ${value}`, help);
  return spec.repeatable === true ? option.argParser(collect) : option;
}

function collect(text: string, earlier: readonly string[] | undefined): readonly string[] {
  return [...(earlier ?? []), text];
}

function flagText(typed: unknown, spec: OptionSpec<unknown>): string | undefined {
  if (typed === true) return spec.aloneMeans;
  return Array.isArray(typed) ? typed.join(',') : (typed as string | undefined);
}

/** A stray word after an unknown flag is taken for its value and not reported on its own. */
function strayProblems(args: readonly string[]): string[] {
  const known = optionEntries().map(([, spec]) => spec.flag);
  return args.flatMap((arg, position) => {
    const [flag] = arg.split('=', 1) as [string];
    if (flag.startsWith('-'))
      return [`unknown option ${flag}${didYouMean(flag.replace(/^-+/, ''), known, (nearest) => `--${nearest}`)}`];
    const isValue = /^-[^=]*$/.test(args[position - 1] ?? '');
    return isValue ? [] : [`unexpected argument '${arg}'`];
  });
}

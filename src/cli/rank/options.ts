// The flags of `crossrank rank`: their commander definitions, and what was typed as checked settings.

import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import { resolveActivationName } from '../../activation-name.ts';
import type { OptionKey } from '../../config/options.ts';
import type { ActivationName } from '../../protocol.ts';
import { addSomeConfigFlags, LOADING_KEYS } from '../config-flags.ts';
import { CommandError } from '../exit-codes.ts';
import { collect, wholeFrom } from './flag-values.ts';
import { FORMATS, type Format } from './formats.ts';
import { type LongDocumentSettings, longDocumentFlags, readLongDocuments, type TypedLongDocuments } from './long-documents.ts';
import { OUTPUT_KINDS, type OutputKind } from './render.ts';

/** Options of the configuration table that a ranking has too, environment variables included. */
export const MODEL_KEYS = ['modelId', ...LOADING_KEYS] as const satisfies readonly OptionKey[];

/** What was typed, checked; null means not given. */
export interface RankSettings extends LongDocumentSettings {
  readonly queries: readonly string[];
  readonly queryFile: string | null;
  /** `-` is standard input; never empty. */
  readonly files: readonly string[];
  readonly format: Format | null;
  readonly textField: string;
  readonly column: string | null;
  readonly header: boolean;
  readonly skipInvalid: boolean;
  readonly topK: number | null;
  readonly activation: ActivationName | null;
  readonly prompt: string | null;
  readonly promptName: string | null;
  readonly batchSize: number | null;
  readonly documents: boolean;
  readonly unsorted: boolean;
  readonly kind: OutputKind;
  readonly output: string | null;
  readonly resume: boolean;
  readonly quiet: boolean;
}

/** As commander leaves them. */
interface TypedOptions extends TypedLongDocuments {
  readonly query?: readonly string[];
  readonly queryFile?: string;
  readonly format?: Format;
  readonly textField: string;
  readonly column?: string;
  readonly header: boolean;
  readonly skipInvalid?: true;
  readonly topK?: number;
  readonly activationFn?: ActivationName;
  readonly prompt?: string;
  readonly promptName?: string;
  readonly batchSize?: number;
  readonly documents: boolean;
  readonly unsorted?: true;
  readonly json?: true;
  readonly jsonl?: true;
  readonly output?: string;
  readonly resume?: true;
  readonly quiet?: true;
}

/** Adds arguments and flags. */
export function addRankFlags(command: Command): Command {
  command.addArgument(new Argument('[files...]', "documents, '-' or nothing for standard input; .gz is decompressed"));
  for (const option of [...inputOptions(), ...scoringOptions(), ...longDocumentFlags(), ...outputOptions()])
    command.addOption(option);
  return addSomeConfigFlags(command, MODEL_KEYS);
}

function inputOptions(): Option[] {
  return [
    new Option('-q, --query <text>', 'query to rank for; repeatable').argParser(collect),
    new Option('--query-file <file>', 'queries: one a line, or .jsonl with strings or {"id"?, "query"}').conflicts('query'),
    new Option('-f, --format <format>', 'format of the documents (default: by extension, else lines)').choices(FORMATS),
    new Option('--text-field <path>', 'JSONL: field that holds the text, dotted for nested ones').default('text'),
    new Option('--column <name|position>', "CSV, TSV: column that holds the text, by name or from 1 (default: 'text')"),
    new Option('--no-header', 'CSV, TSV: the first record is a document'),
    new Option('--skip-invalid', 'pass over lines that cannot be read, and count them (default: stop at the first)'),
  ];
}

function scoringOptions(): Option[] {
  return [
    new Option('-k, --top-k <count>', 'keep the best; memory is bounded then (default: all, all in memory)').argParser(
      wholeFrom(1),
    ),
    new Option('--activation-fn <name>', 'sigmoid, identity, tanh, softmax or a torch path').argParser(activation),
    new Option('--prompt <text>', 'text put before every query'),
    new Option('--prompt-name <name>', "one of the model's stored prompts").conflicts('prompt'),
    new Option('--batch-size <pairs>', 'most pairs in one worker task (default: chosen by length)').argParser(wholeFrom(1)),
  ];
}

function outputOptions(): Option[] {
  return [
    new Option('--json', 'one JSON array').conflicts('jsonl'),
    new Option('--jsonl', 'one JSON object a line'),
    new Option('--unsorted', 'write scores in input order as they come, in bounded memory (JSONL)').conflicts(['json', 'topK']),
    new Option('--no-documents', 'leave the texts out of the results'),
    new Option('-o, --output <file>', 'write results there; .json and .jsonl choose the form'),
    new Option('--resume', 'go on with the interrupted run of --output (needs --top-k, --unsorted or several queries)'),
    new Option('--quiet', 'no progress, no warnings'),
    new Option('--verbose', 'causes and stacks of errors'),
  ];
}

/** Checks what no single flag can. @throws CommandError `usage` */
export function readRankSettings(files: readonly string[], typed: TypedOptions, stdinIsTerminal: boolean): RankSettings {
  const { query = [], queryFile = null, output = null, unsorted = false, topK = null, resume = false } = typed;
  if (query.length === 0 && queryFile === null)
    throw new CommandError('usage', 'no query: give --query TEXT or --query-file FILE');
  if (files.length === 0 && stdinIsTerminal) throw new CommandError('usage', 'no documents: name files or pipe them in');
  const kind = outputKind(typed, output);
  if (unsorted && kind !== 'jsonl') throw new CommandError('usage', `--unsorted writes JSONL, not ${kind}`);
  if (resume) checkResume({ output, kind, several: queryFile !== null || query.length > 1, bounded: unsorted || topK !== null });
  return {
    queries: query,
    queryFile,
    files: files.length === 0 ? ['-'] : files,
    format: typed.format ?? null,
    textField: typed.textField,
    column: typed.column ?? null,
    header: typed.header,
    skipInvalid: typed.skipInvalid ?? false,
    topK,
    activation: typed.activationFn ?? null,
    prompt: typed.prompt ?? null,
    promptName: typed.promptName ?? null,
    batchSize: typed.batchSize ?? null,
    ...readLongDocuments(typed),
    documents: typed.documents,
    unsorted,
    kind,
    output,
    resume,
    quiet: typed.quiet ?? false,
  };
}

function outputKind({ json, jsonl, unsorted }: TypedOptions, output: string | null): OutputKind {
  if (json === true) return 'json';
  if (jsonl === true) return 'jsonl';
  const extension = /\.(\w+)$/.exec(output ?? '')?.[1]?.toLowerCase();
  return OUTPUT_KINDS.find((kind) => kind === extension) ?? (unsorted === true ? 'jsonl' : 'table');
}

interface ResumeFacts {
  readonly output: string | null;
  readonly kind: OutputKind;
  readonly several: boolean;
  readonly bounded: boolean;
}

function checkResume({ output, kind, several, bounded }: ResumeFacts): void {
  if (output === null) throw new CommandError('usage', '--resume needs --output');
  if (kind === 'table') throw new CommandError('usage', '--resume needs --json or --jsonl');
  if (!several && !bounded)
    throw new CommandError(
      'usage',
      'one query without --top-k is only ranked at its end and cannot resume; add --top-k or --unsorted',
    );
}

function activation(text: string): ActivationName {
  const name = resolveActivationName(text);
  if (name !== null) return name;
  throw new InvalidArgumentError('sigmoid, identity, tanh and softmax are known.');
}

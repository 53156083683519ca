// The command `crossrank info MODEL`: what a model's files say, without loading the weights.

import { readFileSync } from 'node:fs';
import { Argument, Command, Option } from 'commander';
import { loadConfig } from '../config.ts';
import { estimateMemory, type MemoryPlan } from '../model/memory-estimate.ts';
import { loadModelSpec } from '../model/model-spec.ts';
import type { ModelSpec } from '../protocol.ts';
import { addSomeConfigFlags, LOADING_KEYS, readSomeConfigFlags } from './config-flags.ts';
import { createConsole } from './console.ts';
import { CommandError, exitCodesHelp } from './exit-codes.ts';
import { endedBySignals } from './interrupt.ts';
import { findModel } from './model-source.ts';

/** It opens no weights: a cache for copies and an arena of the runtime mean nothing here. */
const KEYS = [...LOADING_KEYS.filter((key) => key !== 'cacheDirectory' && key !== 'cpuMemArena'), 'processes'] as const;

/** What is shown; the names are those of `--json`. */
export interface ModelInfo {
  readonly name: string;
  readonly directory: string;
  readonly revision: string | null;
  readonly model_type: string;
  readonly architecture: string | null;
  readonly labels: readonly string[];
  readonly max_length: number;
  readonly max_length_source: string;
  readonly activation: string;
  readonly activation_source: string;
  readonly pair_template: ModelSpec['pairTemplate'];
  readonly prompts: Readonly<Record<string, string>>;
  readonly default_prompt_name: string | null;
  readonly tokenizer: string;
  readonly onnx_file: string;
  readonly onnx_bytes: number;
  readonly processes: number;
  /** Of each process. */
  readonly workers: number;
  /** Peak of a service with that many processes and workers, each at a longest pair. */
  readonly memory_bytes: number;
  readonly warnings: readonly string[];
}

export function infoCommand(): Command {
  const command = new Command('info')
    .description("show what a model's files say")
    .addArgument(new Argument('[model]', 'directory, or model of the hub; the embedded model when left out'))
    .addOption(new Option('--json', 'one JSON object'));
  addSomeConfigFlags(command, KEYS).addOption(new Option('--verbose', 'causes and stacks of errors'));
  command.addHelpText('after', exitCodesHelp());
  return command.action(async (model: string | undefined, { json }: { readonly json?: true }) => {
    const { config } = loadConfig(readSomeConfigFlags(command, KEYS));
    const { maxLength, pairTemplate, processes, workers, dtype, prepared } = config;
    const console = createConsole({ quiet: false, stream: process.stderr });
    const named = { ...config, modelId: model ?? config.modelId };
    const { directory, onnxFile } = await endedBySignals((signal) => findModel(named, console, signal));
    const info = modelInfo(loadModelSpec(directory, { id: null, onnxFile, maxLength, pairTemplate }), {
      processes,
      workers,
      dtype,
      packed: prepared,
    });
    process.stdout.write(json === true ? `${JSON.stringify(info, null, 2)}\n` : infoText(info));
  });
}

/** @param plan for the memory estimate */
export function modelInfo(spec: ModelSpec, plan: MemoryPlan): ModelInfo {
  const { fileBytes, totalBytes } = estimateMemory(spec, plan);
  return {
    name: spec.id,
    directory: spec.directory,
    revision: spec.revision,
    model_type: spec.modelType,
    architecture: spec.architecture,
    labels: spec.labels,
    max_length: spec.maxLength,
    max_length_source: spec.maxLengthSource,
    activation: spec.activation,
    activation_source: spec.activationSource,
    pair_template: spec.pairTemplate,
    prompts: spec.prompts,
    default_prompt_name: spec.defaultPromptName,
    tokenizer: tokenizerKind(spec.tokenizerFile),
    onnx_file: spec.onnxFile,
    onnx_bytes: fileBytes,
    processes: plan.processes ?? 1,
    workers: plan.workers,
    memory_bytes: totalBytes,
    warnings: spec.warnings,
  };
}

/** Pure: one fact a line. */
export function infoText(info: ModelInfo): string {
  const { pair_template: template } = info;
  const prompts = Object.entries(info.prompts).map(([name, text]) => `${name} ${JSON.stringify(text)}`);
  const rows: readonly (readonly [string, string])[] = [
    ['name', info.name],
    ['directory', info.directory],
    ['revision', info.revision ?? 'none'],
    ['architecture', `${info.architecture ?? 'not stated'} (${info.model_type})`],
    ['labels', `${info.labels.length}: ${info.labels.slice(0, 8).join(', ')}`],
    ['max length', `${info.max_length} tokens (${info.max_length_source})`],
    ['activation', `${info.activation} (${info.activation_source})`],
    ['pair template', template === null ? 'none' : JSON.stringify(template)],
    ['prompts', prompts.join(', ') || 'none'],
    ['default prompt', info.default_prompt_name ?? 'none'],
    ['tokenizer', info.tokenizer],
    ['ONNX file', `${info.onnx_file} (${mebibytes(info.onnx_bytes)} with its data)`],
    ['memory', `up to ${mebibytes(info.memory_bytes)} with ${describePlan(info)}, estimated`],
    ...info.warnings.map((warning) => ['warning', warning] as const),
  ];
  return rows.map(([name, value]) => `${name.padEnd(16)}${value}\n`).join('');
}

function describePlan({ processes, workers }: ModelInfo): string {
  return processes === 1 ? `${workers} worker(s)` : `${processes} processes of ${workers} worker(s)`;
}

/** `WordPiece`, `BPE`, `Unigram`, `WordLevel`: what tokenizer.json calls its model. */
function tokenizerKind(file: string): string {
  try {
    const { model } = JSON.parse(readFileSync(file, 'utf8')) as { readonly model?: { readonly type?: unknown } };
    return typeof model?.type === 'string' ? model.type : 'not stated';
  } catch (error) {
    throw new CommandError('model', `tokenizer.json of the model is broken: ${(error as Error).message}`, { cause: error });
  }
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

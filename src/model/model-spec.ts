// What a model's JSON files say, as one plain ModelSpec. The only place where config keys of Hugging Face models are interpreted.

import { basename, dirname } from 'node:path';
import { RerankError } from '../errors.ts';
import type { KnownPair, ModelSpec, PairTemplate } from '../protocol.ts';
import { resolveActivation } from './activation-source.ts';
import { resolveMaxLength } from './max-length.ts';
import { type JsonObject, type ModelFiles, readModelFiles } from './model-files.ts';

export interface LoadModelOptions {
  /** Name shown to callers; null derives it from the directory. */
  readonly id: string | null;
  /** Weights relative to the directory; null for `model.onnx`, then `onnx/model.onnx`. */
  readonly onnxFile: string | null;
  /** Lowers the longest pair, tokens; null keeps the model's own limit. */
  readonly maxLength: number | null;
  /** Overrides the model's own `pair_template.json`. */
  readonly pairTemplate: PairTemplate | null;
}

/**
 * Reads a model directory into a ModelSpec.
 *
 * @throws RerankError `model_files` when a file is missing or broken, or the model is of a kind that cannot be served
 * @see sentence_transformers/cross_encoder/model.py and base/modules/transformer.py, version 6
 */
export function loadModelSpec(directory: string, options: LoadModelOptions): ModelSpec {
  const files = readModelFiles(directory, options.onnxFile);
  rejectCausal(files);
  const { config, tokenizerConfig, sentenceTransformersConfig } = files;
  const warnings: string[] = [...files.ignored];
  const labels = labelNames(config);
  const maxLength = resolveMaxLength(files, options.maxLength, warnings);
  const activation = resolveActivation(files, labels.length, warnings);
  const prompts = stringRecord(sentenceTransformersConfig['prompts']);
  return {
    id: options.id ?? modelName(files.directory),
    directory: files.directory,
    revision: snapshotOf(files.directory)?.revision ?? null,
    onnxFile: files.onnxFile,
    tokenizerFile: files.tokenizerFile,
    tokenizerConfig,
    modelType: text(config['model_type']) ?? 'unknown',
    architecture: architectureOf(config),
    labels,
    maxLength: maxLength.tokens,
    maxLengthSource: maxLength.source,
    padTokenId: padTokenId(files),
    padSide: tokenizerConfig['padding_side'] === 'left' ? 'left' : 'right',
    doLowerCase: files.sentenceBertConfig['do_lower_case'] === true,
    prompts,
    defaultPromptName: defaultPromptName(sentenceTransformersConfig, prompts),
    activation: activation.name,
    activationSource: activation.source,
    pairTemplate: options.pairTemplate ?? readTemplate(files.pairTemplate),
    knownPair: readKnownPair(files.knownPair),
    ...dimensions(config),
    warnings,
  };
}

/** `models--org--name/snapshots/<commit>` is the hub cache's layout. */
function snapshotOf(directory: string): { id: string; revision: string } | null {
  const parent = dirname(directory);
  const repo = basename(dirname(parent));
  if (basename(parent) !== 'snapshots' || !repo.startsWith('models--')) return null;
  return { id: repo.slice('models--'.length).replaceAll('--', '/'), revision: basename(directory) };
}

function modelName(directory: string): string {
  return snapshotOf(directory)?.id ?? basename(directory);
}

/** A causal language model scores by the logits of "yes" and "no": its graph has no classification head. */
function rejectCausal(files: ModelFiles): void {
  const architecture = architectureOf(files.config);
  const hasLogitScore = files.modules.some((module) => String(module['type']).endsWith('.LogitScore'));
  if (!hasLogitScore && !architecture?.endsWith('ForCausalLM')) return;
  throw new RerankError(
    'model_files',
    `${modelName(files.directory)} is a causal language model (${architecture ?? 'LogitScore'}): crossrank serves sequence-classification ` +
      'models; convert it to its sequence-classification form and give the pair template',
  );
}

function architectureOf(config: JsonObject): string | null {
  const list = config['architectures'];
  return Array.isArray(list) ? (text(list[0]) ?? null) : null;
}

/** Names in logit order from id2label, else by num_labels; a silent config counts as one label and the graph is checked against it. */
function labelNames(config: JsonObject): string[] {
  const id2label = config['id2label'];
  if (typeof id2label === 'object' && id2label !== null) {
    const entries = Object.entries(id2label).sort(([a], [b]) => Number(a) - Number(b));
    if (entries.length > 0) return entries.map(([, name]) => String(name));
  }
  const count = integer(config['num_labels']) ?? 1;
  return Array.from({ length: count }, (_, index) => `LABEL_${index}`);
}

function padTokenId(files: ModelFiles): number {
  const name = tokenText(files.tokenizerConfig['pad_token']) ?? tokenText(files.specialTokensMap['pad_token']);
  const decoder = files.tokenizerConfig['added_tokens_decoder'];
  if (name !== null && typeof decoder === 'object' && decoder !== null) {
    for (const [id, token] of Object.entries(decoder)) if (tokenText(token) === name) return Number(id);
  }
  return integer(files.config['pad_token_id']) ?? 0;
}

/** Token entries are strings or `{content}` objects. */
function tokenText(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && value !== null && 'content' in value && typeof value.content === 'string')
    return value.content;
  return null;
}

function defaultPromptName(config: JsonObject, prompts: Readonly<Record<string, string>>): string | null {
  const name = text(config['default_prompt_name']);
  if (name === undefined) return null;
  if (!Object.hasOwn(prompts, name)) {
    throw new RerankError(
      'model_files',
      `default_prompt_name '${name}' of config_sentence_transformers.json is not one of its prompts (${Object.keys(prompts).join(', ') || 'none'})`,
    );
  }
  return name;
}

/** The spaces and line breaks around a text may stand in fields of their own; they are part of the literal text all the same. */
function readTemplate(value: JsonObject | null): PairTemplate | null {
  if (value === null) return null;
  const part = (key: string): string => {
    const piece = value[key] ?? '';
    if (typeof piece !== 'string') throw new RerankError('model_files', `pair_template.json: '${key}' must be a string`);
    return piece;
  };
  return {
    prefix: part('prefix') + part('query_prefix'),
    separator: part('query_suffix') + part('separator') + part('document_prefix'),
    suffix: part('document_suffix') + part('suffix'),
  };
}

function readKnownPair(value: JsonObject | null): KnownPair | null {
  if (value === null) return null;
  const { query, document, logit } = value;
  if (typeof query !== 'string' || typeof document !== 'string' || typeof logit !== 'number') {
    throw new RerankError('model_files', 'known-pair.json needs the strings query and document and the number logit');
  }
  return { query, document, logit };
}

/** Sizes used to estimate time and memory; names differ between families (DistilBERT: dim, n_layers, hidden_dim). */
function dimensions(config: JsonObject): Pick<ModelSpec, 'hiddenSize' | 'numLayers' | 'numHeads' | 'intermediateSize'> {
  const hiddenSize = integer(config['hidden_size']) ?? integer(config['dim']) ?? integer(config['d_model']) ?? 768;
  return {
    hiddenSize,
    numLayers: integer(config['num_hidden_layers']) ?? integer(config['n_layers']) ?? 12,
    numHeads: integer(config['num_attention_heads']) ?? integer(config['n_heads']) ?? 12,
    intermediateSize: integer(config['intermediate_size']) ?? integer(config['hidden_dim']) ?? 4 * hiddenSize,
  };
}

function stringRecord(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function integer(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) ? value : undefined;
}

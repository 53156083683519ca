// What a model's JSON files say, as one plain ModelSpec. The only place where config keys of Hugging Face models are interpreted.

import { basename, dirname } from 'node:path';
import { RerankError } from '../errors.ts';
import type { ModelSpec, PairTemplate } from '../protocol.ts';
import { resolveActivation } from './activation-source.ts';
import { type JsonObject, shown, textOf } from './checked-json.ts';
import { resolveMaxLength } from './max-length.ts';
import { dimensions, labelNames, padTokenId } from './model-facts.ts';
import { type ModelFiles, readModelFiles } from './model-files.ts';
import { defaultPromptName, readKnownPair, readPairTemplate, readPrompts } from './model-texts.ts';

/** Of an architecture, a model type. */
const MAX_NAME_CHARS = 200;

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
 * @throws RerankError `model_files` when a file is missing or broken, a value is out of its bounds, or the model is of a kind that cannot be served
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
  const prompts = readPrompts(sentenceTransformersConfig);
  return {
    id: options.id ?? modelName(files.directory),
    directory: files.directory,
    revision: snapshotOf(files.directory)?.revision ?? null,
    onnxFile: files.onnxFile,
    tokenizerFile: files.tokenizerFile,
    tokenizerConfig,
    modelType: textOf(config, 'model_type', 'config.json', MAX_NAME_CHARS) ?? 'unknown',
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
    pairTemplate: options.pairTemplate ?? readPairTemplate(files.pairTemplate),
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
  const hasLogitScore = files.modules.some(({ type }) => typeof type === 'string' && type.endsWith('.LogitScore'));
  if (!hasLogitScore && !architecture?.endsWith('ForCausalLM')) return;
  throw new RerankError(
    'model_files',
    `${modelName(files.directory)} is a causal language model (${architecture ?? 'LogitScore'}): crossrank serves sequence-classification ` +
      'models; convert it to its sequence-classification form and give the pair template',
  );
}

function architectureOf(config: JsonObject): string | null {
  const list = config['architectures'];
  const first: unknown = Array.isArray(list) ? list[0] : null;
  if (typeof first !== 'string') return null;
  if (first.length <= MAX_NAME_CHARS) return first;
  throw new RerankError(
    'model_files',
    `config.json: architectures names ${shown(first)}, more than ${MAX_NAME_CHARS} characters`,
  );
}

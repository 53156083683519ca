// Finds and reads the files of a model directory in Hugging Face layout. Knows paths and JSON, not what the values mean.

import { existsSync, readdirSync, statSync } from 'node:fs';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { RerankError } from '../errors.ts';
import { broken, cut, isJsonObject, type JsonObject, readJsonFile } from './checked-json.ts';
import { MAX_WEIGHT_BYTES, statRegularFile } from './regular-file.ts';

/** The JSON files of a cross-encoder; optional ones are `{}` or null when absent. */
export interface ModelFiles {
  readonly directory: string;
  readonly onnxFile: string;
  readonly tokenizerFile: string;
  readonly config: JsonObject;
  readonly tokenizerConfig: JsonObject;
  readonly specialTokensMap: JsonObject;
  readonly sentenceBertConfig: JsonObject;
  readonly sentenceTransformersConfig: JsonObject;
  readonly modules: readonly JsonObject[];
  readonly pairTemplate: JsonObject | null;
  readonly knownPair: JsonObject | null;
  /** Files that are there and not used, with the reason. */
  readonly ignored: readonly string[];
}

/** sentence-transformers looks at the root first, then in `onnx/`. */
export const ONNX_CANDIDATES = ['model.onnx', 'onnx/model.onnx'] as const;

/** Far above what models have (tokenizer.json: 33 MB); a file this size may take ten times as much memory when it is parsed. */
export const MAX_JSON_BYTES = 16 * 2 ** 20;
export const MAX_TOKENIZER_BYTES = 100 * 2 ** 20;

const MAX_MODULES = 100;

/** Beside the transformer's weights. */
export const REQUIRED_FILES = ['config.json', 'tokenizer.json'] as const;
/** Beside the transformer's weights, when the model has them. */
export const OPTIONAL_FILES = ['tokenizer_config.json', 'special_tokens_map.json', 'sentence_bert_config.json'] as const;
/** In the root, when the model has them. */
export const OPTIONAL_ROOT_FILES = [
  'modules.json',
  'config_sentence_transformers.json',
  'pair_template.json',
  'known-pair.json',
] as const;

/**
 * Reads every JSON file of the directory and locates weights and tokenizer. Symbolic links (hub cache) are followed.
 *
 * @param directory a model directory; a hub-cache snapshot is one
 * @param onnxFile  path of the weights relative to the directory, null for `model.onnx` then `onnx/model.onnx`
 * @throws RerankError `model_files`: what was looked for, and what is there
 */
export function readModelFiles(directory: string, onnxFile: string | null): ModelFiles {
  const root = resolve(directory);
  if (!existsSync(root) || !statSync(root).isDirectory()) {
    throw new RerankError('model_files', `no model directory at ${root}`);
  }
  const modules = readArray(join(root, 'modules.json'));
  const base = join(root, modulePath(modules));
  const weights = findOnnx(root, base, onnxFile);
  const tokenizerFile = join(base, 'tokenizer.json');
  const missing = REQUIRED_FILES.filter((name) => !isFile(join(base, name)));
  if (missing.length > 0 || weights === null) {
    throw missingFiles(root, [...missing, ...(weights === null ? [onnxFile ?? ONNX_CANDIDATES.join(' or ')] : [])]);
  }
  statRegularFile(tokenizerFile, MAX_TOKENIZER_BYTES);
  statRegularFile(weights, MAX_WEIGHT_BYTES);
  return {
    directory: root,
    onnxFile: weights,
    tokenizerFile,
    config: readObject(join(base, 'config.json')) ?? {},
    tokenizerConfig: readObject(join(base, 'tokenizer_config.json')) ?? {},
    specialTokensMap: readObject(join(base, 'special_tokens_map.json')) ?? {},
    ...readSentenceTransformersFiles(root, base, modules),
    modules,
    pairTemplate: readObject(join(root, 'pair_template.json')),
    knownPair: readObject(join(root, 'known-pair.json')),
  };
}

/**
 * sentence-transformers reads its own two files only of a model that has modules.json and says it is a CrossEncoder;
 * otherwise they have no effect there, and so none here.
 *
 * @see sentence_transformers/base/model.py, _load_modules and _get_model_type
 */
function readSentenceTransformersFiles(
  root: string,
  base: string,
  modules: readonly JsonObject[],
): Pick<ModelFiles, 'sentenceBertConfig' | 'sentenceTransformersConfig' | 'ignored'> {
  const sentenceBertConfig = readObject(join(base, 'sentence_bert_config.json'));
  const sentenceTransformersConfig = readObject(join(root, 'config_sentence_transformers.json'));
  if (modules.length > 0 && sentenceTransformersConfig?.['model_type'] === 'CrossEncoder') {
    return {
      sentenceBertConfig: sentenceBertConfig ?? {},
      sentenceTransformersConfig: sentenceTransformersConfig ?? {},
      ignored: [],
    };
  }
  const present = [
    ...(sentenceBertConfig === null ? [] : ['sentence_bert_config.json']),
    ...(sentenceTransformersConfig === null ? [] : ['config_sentence_transformers.json']),
  ];
  const ignored = present.map(
    (name) =>
      `${name} is not used: without modules.json and model_type CrossEncoder sentence-transformers does not use it either`,
  );
  return { sentenceBertConfig: {}, sentenceTransformersConfig: {}, ignored };
}

/** The first module's folder; sentence-transformers may save the transformer in a sub-folder. `''` when none is named. */
export function modulePath(modules: readonly JsonObject[]): string {
  const path = modules[0]?.['path'];
  return typeof path === 'string' && !path.split(/[\\/]/).includes('..') && !isAbsolute(path) ? path : '';
}

function findOnnx(root: string, base: string, onnxFile: string | null): string | null {
  if (onnxFile !== null) {
    const named = isAbsolute(onnxFile) ? onnxFile : join(root, onnxFile);
    return isFile(named) ? named : null;
  }
  return ONNX_CANDIDATES.map((name) => join(base, name)).find(isFile) ?? null;
}

function missingFiles(root: string, lookedFor: readonly string[]): RerankError {
  const present = listFiles(root);
  return new RerankError(
    'model_files',
    `the model directory ${root} lacks ${lookedFor.join(', ')}; it holds ${present.length === 0 ? 'nothing' : cut(present.join(', '), 2000)}` +
      (present.some((name) => name.endsWith('.onnx')) ? ' (name an ONNX file with --onnx-file)' : ''),
  );
}

/** Names of the files in the directory and its direct sub-folders, at most 40. */
function listFiles(root: string): string[] {
  const names: string[] = [];
  for (const entry of readdirSync(root)) {
    const path = join(root, entry);
    if (!existsSync(path)) names.push(`${entry} (broken link)`);
    else if (statSync(path).isDirectory()) names.push(...readdirSync(path).map((inner) => relative(root, join(path, inner))));
    else names.push(entry);
  }
  return names.length > 40 ? [...names.sort().slice(0, 40), '...'] : names.sort();
}

/** Pipes and devices too: they are there, and refused with their name when they are read. */
function isFile(path: string): boolean {
  return existsSync(path) && !statSync(path).isDirectory();
}

function readObject(path: string): JsonObject | null {
  const value = readJson(path);
  if (value === undefined) return null;
  if (!isJsonObject(value)) throw broken(path, 'not a JSON object');
  return value;
}

function readArray(path: string): readonly JsonObject[] {
  const value = readJson(path);
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw broken(path, 'not a JSON array');
  if (value.length > MAX_MODULES || !value.every(isJsonObject))
    throw broken(path, `not a list of at most ${MAX_MODULES} objects`);
  return value;
}

function readJson(path: string): unknown {
  return isFile(path) ? readJsonFile(path, MAX_JSON_BYTES) : undefined;
}

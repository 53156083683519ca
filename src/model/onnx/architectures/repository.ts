// A model directory as its authors publish it -> the graph of its scores.

import { existsSync, readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { RerankError } from '../../../errors.ts';
import type { OnnxModel } from '../onnx-model.ts';
import { checkpointFiles, findCheckpoint, openCheckpoint, pickleRefusal } from '../safetensors/checkpoint.ts';
import { type CompileOptions, compileCausalScorer, compileClassifier, compileModules } from './compile.ts';
import { Config } from './config.ts';
import type { ScoreTokens } from './decoder.ts';
import { classOf, type SentenceModule } from './sentence-modules.ts';

export interface RepositoryOptions extends CompileOptions {
  /** For causal models whose files do not say by which tokens they are scored. */
  readonly scoreTokens?: ScoreTokens;
}

/** A module's folder lies inside the model's. */
const MODULE_PATH = /^[\w.-]+(\/[\w.-]+)*$/;

/**
 * Compiles what a directory holds: a classifier, a causal model with its tokens, or modules.
 *
 * @param directory with config.json and safetensors, and modules.json where the model has modules
 * @throws RerankError `model_files` when weights are missing or only a pickle is there, or what the files ask for is
 *   not supported
 */
export function compileRepository(directory: string, options: RepositoryOptions = {}): OnnxModel {
  const [transformer, ...rest] = readModules(directory) ?? [{ name: '', type: 'Transformer', config: {}, checkpoint: null }];
  if (transformer === undefined || classOf(transformer) !== 'Transformer')
    throw new RerankError('model_files', `${directory}: modules.json does not begin with a Transformer`);
  const folder = join(directory, transformer.name);
  const config = readJson(join(folder, 'config.json'));
  const checkpoint = openCheckpoint(checkpointOf(folder));
  const tokens = logitScore(rest) ?? options.scoreTokens;
  const isCausal = new Config(config).texts('architectures')[0]?.endsWith('ForCausalLM') ?? false;
  if (logitScore(rest) !== null || (isCausal && rest.length === 0)) {
    if (tokens === undefined)
      throw new RerankError('model_files', `${directory} is a causal model; by which tokens it scores is not said`);
    return compileCausalScorer(config, checkpoint, { ...options, ...tokens });
  }
  return rest.length === 0 ? compileClassifier(config, checkpoint, options) : compileModules(config, checkpoint, rest, options);
}

/**
 * What a compiled graph follows from: paths in the directory, `/` between folders, the same for the same files.
 *
 * A prepared copy is of these files' contents; a download needs no others for the graph.
 *
 * @throws RerankError `model_files` when modules.json or an index cannot be read
 */
export function repositoryFiles(directory: string): string[] {
  const entries = readEntries(directory);
  const folders = (entries ?? [{ name: '' }]).map(({ name }) => name);
  const files = folders.flatMap((folder) => {
    const checkpoint = findCheckpoint(join(directory, folder));
    const weights = checkpoint === null ? [] : checkpointFiles(join(directory, folder, checkpoint));
    return ['config.json', ...weights].map((name) => (folder === '' ? name : `${folder}/${name}`));
  });
  const all = [...(entries === null ? [] : ['modules.json']), ...files];
  return [...new Set(all)].filter((name) => existsSync(join(directory, name)));
}

/** The entries of modules.json with their files; null when there is none. */
function readModules(directory: string): SentenceModule[] | null {
  const entries = readEntries(directory);
  return (
    entries?.map(({ name, type }) =>
      name === '' ? { name, type, config: {}, checkpoint: null } : readModule(join(directory, name), { name, type }),
    ) ?? null
  );
}

function readEntries(directory: string): Pick<SentenceModule, 'name' | 'type'>[] | null {
  const file = join(directory, 'modules.json');
  if (!existsSync(file)) return null;
  const entries = readJson(file);
  if (!Array.isArray(entries)) throw new RerankError('model_files', `${file} is no list`);
  return entries.map((entry: unknown) => {
    const { path: name, type } = (entry ?? {}) as { path?: unknown; type?: unknown };
    const isInside = name === '' || (typeof name === 'string' && MODULE_PATH.test(name) && !normalize(name).startsWith('..'));
    if (!isInside || typeof type !== 'string')
      throw new RerankError('model_files', `${file}: ${JSON.stringify(entry)} is no module`);
    return { name, type };
  });
}

function readModule(folder: string, { name, type }: Pick<SentenceModule, 'name' | 'type'>): SentenceModule {
  const config = existsSync(join(folder, 'config.json')) ? readJson(join(folder, 'config.json')) : {};
  const refusal = pickleRefusal(folder);
  if (refusal !== null) throw refusal;
  const weights = findCheckpoint(folder);
  return { name, type, config, checkpoint: weights === null ? null : openCheckpoint(join(folder, weights)) };
}

function checkpointOf(folder: string): string {
  const found = findCheckpoint(folder);
  if (found !== null) return join(folder, found);
  throw pickleRefusal(folder) ?? new RerankError('model_files', `${folder} has no model.safetensors`);
}

/** The tokens of a LogitScore module; null when there is none. */
function logitScore(modules: readonly SentenceModule[]): ScoreTokens | null {
  const module = modules.find((each) => classOf(each) === 'LogitScore');
  if (module === undefined) return null;
  const config = new Config(module.config);
  return {
    trueToken: config.integer('true_token_id'),
    falseToken: config.has('false_token_id') ? config.integer('false_token_id') : null,
  };
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new RerankError('model_files', `cannot read ${path}: ${(error as Error).message}`);
  }
}

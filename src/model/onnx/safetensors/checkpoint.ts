// The weights of a model directory: one safetensors file, or several with an index.

import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { RerankError } from '../../../errors.ts';
import { readHeader } from './header.ts';
import { StoredTensor, type WeightTensor } from './weight-tensor.ts';

/** All tensors of a model by name. */
export interface Checkpoint {
  /** The file it was opened by, for messages. */
  readonly path: string;
  readonly tensors: ReadonlyMap<string, WeightTensor>;
  /** Absolute paths of the files the weights lie in. */
  readonly files: readonly string[];
}

const ONE_FILE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

/** Pickles: programs that PyTorch runs to get the weights. */
const PICKLES = ['pytorch_model.bin', 'pytorch_model.bin.index.json'];

/** An index names each tensor once; the largest published ones have a few hundred KB. */
const MAX_INDEX_BYTES = 100_000_000;

/** A shard lies beside its index. */
const SHARD_NAME = /^[\w.-]+\.safetensors$/;

/**
 * The file of a directory that {@link openCheckpoint} opens, relative to it; null when there is none.
 *
 * As transformers chooses: one file before an index.
 */
export function findCheckpoint(directory: string): string | null {
  return [ONE_FILE, INDEX].find((name) => existsSync(join(directory, name))) ?? null;
}

/**
 * Why a directory's weights cannot be taken: only a pickle is there. Null when no pickle is there, or safetensors too.
 */
export function pickleRefusal(directory: string): RerankError | null {
  if (findCheckpoint(directory) !== null) return null;
  const pickle = PICKLES.find((name) => existsSync(join(directory, name)));
  if (pickle === undefined) return null;
  return new RerankError(
    'model_files',
    `${directory} has its weights in ${pickle} only. That is a program, which crossrank does not run. Convert it on a machine with Python: ` +
      'AutoModelForSequenceClassification.from_pretrained(DIR).save_pretrained(DIR), or serve a copy that has model.safetensors or an ONNX file',
  );
}

/**
 * Opens a `.safetensors` file or the `.index.json` of a sharded one; only headers are read.
 *
 * @throws RerankError `model_files` when a file is missing, is not what its name says, or contradicts itself
 */
export function openCheckpoint(path: string): Checkpoint {
  if (!path.endsWith('.json')) return collect(path, [path]);
  const places = readIndex(path);
  const shards = [...new Set(places.values())].sort();
  const checkpoint = collect(
    path,
    shards.map((name) => join(dirname(path), name)),
  );
  for (const [name, shard] of places) {
    if (!checkpoint.tensors.has(name))
      throw new RerankError('model_files', `cannot read ${path}: '${name}' should be in ${shard}, but is not`);
  }
  return checkpoint;
}

/**
 * Names of the files behind a `.safetensors` or `.index.json`, itself first; shards need not be there yet.
 *
 * @throws RerankError `model_files` when an index cannot be read or names files that do not lie beside it
 */
export function checkpointFiles(path: string): string[] {
  const own = basename(path);
  return path.endsWith('.json') ? [own, ...new Set([...readIndex(path).values()].sort())] : [own];
}

function collect(path: string, files: readonly string[]): Checkpoint {
  const tensors = new Map<string, WeightTensor>();
  for (const file of files) {
    for (const entry of readHeader(file)) {
      if (tensors.has(entry.name))
        throw new RerankError(
          'model_files',
          `cannot read ${path}: '${entry.name}' is in several files, ${basename(file)} among them`,
        );
      tensors.set(entry.name, new StoredTensor(file, entry));
    }
  }
  return { path, tensors, files };
}

/** Tensor -> file. */
function readIndex(path: string): Map<string, string> {
  const refuse = (reason: string): never => {
    throw new RerankError('model_files', `cannot read ${path}: ${reason}`);
  };
  let index: unknown;
  try {
    if (statSync(path).size > MAX_INDEX_BYTES) refuse('it is too large for an index');
    index = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof RerankError) throw error;
    refuse((error as Error).message);
  }
  const map: unknown = (index as { weight_map?: unknown } | null)?.weight_map;
  if (typeof map !== 'object' || map === null) return refuse('it has no weight_map');
  const places = new Map<string, string>(Object.entries(map));
  for (const [name, file] of places) {
    if (typeof file !== 'string' || !SHARD_NAME.test(file))
      refuse(`'${name}' lies in ${JSON.stringify(file)}, which is no file beside it`);
  }
  return places.size === 0 ? refuse('its weight_map is empty') : places;
}

// The weights of a checkpoint as an architecture takes them: by name, in the shape it expects, and none left over.

import { RerankError } from '../../../errors.ts';
import type { Checkpoint } from '../safetensors/checkpoint.ts';
import type { WeightTensor } from '../safetensors/weight-tensor.ts';

/** Names of old conversions from TensorFlow, as transformers still reads them. */
const RENAMED: readonly (readonly [RegExp, string])[] = [
  [/\.gamma$/, '.weight'],
  [/\.beta$/, '.bias'],
];

/** Buffers that transformers can compute and older versions stored. */
const BUFFERS = [/(^|\.)(position_ids|token_type_ids)$/, /(^|\.)rotary_emb\.inv_freq$/];

/** How many of the weights that are left over a message names. */
const NAMED = 4;

export class Weights {
  readonly #path: string;
  readonly #tensors: ReadonlyMap<string, WeightTensor>;
  readonly #taken = new Set<string>();

  constructor({ path, tensors }: Pick<Checkpoint, 'path' | 'tensors'>) {
    this.#path = path;
    this.#tensors = new Map([...tensors].map(([name, tensor]) => [currentName(name), tensor]));
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  /** Whether a weight of such a name is stored. */
  hasLike(pattern: RegExp): boolean {
    return [...this.#tensors.keys()].some((name) => pattern.test(name));
  }

  /** The first of `prefixes` under which `name` is stored: checkpoints of a model alone have none. */
  prefix(prefixes: readonly string[], name: string): string {
    const found = prefixes.find((prefix) => this.has(prefix + name));
    return found ?? this.#refuse(`the weights '${prefixes[0]}${name}' are missing`);
  }

  /** @throws RerankError `model_files` when it is missing or has another shape */
  take(name: string, dims: readonly number[]): WeightTensor {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) return this.#refuse(`the weights '${name}' are missing`);
    if (tensor.dims.join() !== dims.join())
      return this.#refuse(`the weights '${name}' are [${tensor.dims}], but config.json says [${dims}]`);
    this.#taken.add(name);
    return tensor;
  }

  /** Rows and columns of a matrix whose size only the checkpoint says. */
  dims(name: string): readonly number[] {
    return this.#tensors.get(name)?.dims ?? this.#refuse(`the weights '${name}' are missing`);
  }

  /**
   * To be called when the graph is complete.
   *
   * @param harmless what the architecture's checkpoints carry and its scores do not need
   * @throws RerankError `model_files` naming weights that no one took: then the model is not what its configuration
   *   says
   */
  finish(harmless: readonly RegExp[]): void {
    const known = [...BUFFERS, ...harmless];
    const left = [...this.#tensors.keys()].filter((name) => !this.#taken.has(name) && !known.some((each) => each.test(name)));
    if (left.length === 0) return;
    const more = left.length > NAMED ? ` and ${left.length - NAMED} more` : '';
    this.#refuse(`config.json's architecture has no place for the weights ${left.slice(0, NAMED).join(', ')}${more}`);
  }

  #refuse(reason: string): never {
    throw new RerankError('model_files', `${this.#path}: ${reason}`);
  }
}

function currentName(name: string): string {
  return RENAMED.reduce((current, [old, replacement]) => current.replace(old, replacement), name);
}

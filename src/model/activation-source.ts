// Which activation a model's files ask for, in sentence-transformers' order.

import { resolveActivationName } from '../activation-name.ts';
import type { ActivationName } from '../protocol.ts';
import { isJsonObject, shown } from './checked-json.ts';
import type { ModelFiles } from './model-files.ts';

export interface ModelActivation {
  readonly name: ActivationName;
  readonly source: string;
}

/**
 * config_sentence_transformers.json, then config.json (new key, then legacy key), then sigmoid for one label, identity for several.
 * A path we cannot compute is passed over with a warning, as sentence-transformers passes over paths outside torch.
 *
 * @see sentence_transformers/cross_encoder/model.py, get_default_activation_fn
 */
export function resolveActivation(files: ModelFiles, numLabels: number, warnings: string[]): ModelActivation {
  const nested = files.config['sentence_transformers'];
  const stored: readonly (readonly [string, unknown])[] = [
    ['config_sentence_transformers.json activation_fn', files.sentenceTransformersConfig['activation_fn']],
    ['config.json sentence_transformers.activation_fn', isJsonObject(nested) ? nested['activation_fn'] : undefined],
    ['config.json sbert_ce_default_activation_function', files.config['sbert_ce_default_activation_function']],
  ];
  const first = stored.find(([, value]) => typeof value === 'string');
  if (first !== undefined) {
    const [source, path] = first;
    const name = resolveActivationName(String(path));
    if (name !== null) return { name, source };
    warnings.push(
      `${source} names ${shown(path)}, which is not one of the known activations; the default for ${numLabels} label(s) is used`,
    );
  }
  return numLabels === 1
    ? { name: 'sigmoid', source: 'default for one label' }
    : { name: 'identity', source: 'default for several labels' };
}

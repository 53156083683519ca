// How many stages a tokenizer may have, how deep they lie, and how much they may lengthen a text. Only load.ts imports it.

import { failModel, isObject, type Json } from './json.ts';
import { stageBlocks } from './pre-tokenizers.ts';

/** Far above any tokenizer's. */
const MAX_DEPTH = 16;
const MAX_STAGES = 100;
/** What all replacements together may make of a character; those of models make one of one. */
const MAX_GROWTH = 4096;
const MAX_PREFIX_UNITS = 1024;

/**
 * Looks at the stages before any is built: each runs over every text.
 *
 * @throws RerankError `model_files`
 */
export function checkStages(root: Json, file: string): void {
  for (const key of ['normalizer', 'pre_tokenizer', 'post_processor'] as const) {
    if (isDeeper(root[key], MAX_DEPTH)) failModel(`${file}: ${key}`, `stages lie more than ${MAX_DEPTH} levels deep`);
  }
  const normalizers = stageBlocks(root.normalizer, 'normalizers');
  const preTokenizers = stageBlocks(root.pre_tokenizer, 'pretokenizers');
  if (normalizers.length + preTokenizers.length > MAX_STAGES) failModel(file, `it has more than ${MAX_STAGES} stages`);
  if (normalizers.reduce((product, stage) => product * growthOf(stage), 1) > MAX_GROWTH)
    failModel(`${file}: normalizer`, `its replacements can make more than ${MAX_GROWTH} characters of one`);
  if (normalizers.some(({ prepend }) => typeof prepend === 'string' && prepend.length > MAX_PREFIX_UNITS))
    failModel(`${file}: normalizer`, `it prepends more than ${MAX_PREFIX_UNITS} characters`);
}

/** Characters that one can become at most; a pattern may also match between two. */
function growthOf({ type, content, pattern }: Json): number {
  if (type !== 'Replace' || typeof content !== 'string' || content === '') return 1;
  const wanted = isObject(pattern) ? pattern.String : undefined;
  return typeof wanted === 'string' && wanted !== '' ? Math.max(1, content.length / wanted.length) : content.length + 1;
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}

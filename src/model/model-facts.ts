// Numbers and labels of a model's config, each within bounds far above any model's and far below what would harm. model-spec.ts and max-length.ts import it.

import type { ModelSpec } from '../protocol.ts';
import { type Bounds, cut, isJsonObject, type JsonObject, outOfBounds, wholeNumber } from './checked-json.ts';
import type { ModelFiles } from './model-files.ts';

const CONFIG = 'config.json';

const HIDDEN_SIZE: Bounds = { min: 1, max: 65_536 };
const LAYERS: Bounds = { min: 1, max: 4096 };
const HEADS: Bounds = { min: 1, max: 4096 };
const INTERMEDIATE_SIZE: Bounds = { min: 1, max: 1_048_576 };
const VOCABULARY: Bounds = { min: 1, max: 16_777_216 };
/** -1 is how some families write that there is none. */
const PAD_ID: Bounds = { min: -1, max: 2 ** 31 - 1 };
const LABELS: Bounds = { min: 1, max: 100_000 };
const MAX_LABEL_CHARS = 1000;

type Dimensions = Pick<ModelSpec, 'hiddenSize' | 'numLayers' | 'numHeads' | 'intermediateSize'>;

/**
 * Sizes used to estimate time and memory; names differ between families (DistilBERT: dim, n_layers, hidden_dim).
 *
 * @throws RerankError `model_files` for a size that cannot be one
 */
export function dimensions(config: JsonObject): Dimensions {
  const hiddenSize = firstOf(config, ['hidden_size', 'dim', 'd_model'], HIDDEN_SIZE) ?? 768;
  return {
    hiddenSize,
    numLayers: firstOf(config, ['num_hidden_layers', 'n_layers'], LAYERS) ?? 12,
    numHeads: firstOf(config, ['num_attention_heads', 'n_heads'], HEADS) ?? 12,
    intermediateSize: firstOf(config, ['intermediate_size', 'hidden_dim'], INTERMEDIATE_SIZE) ?? 4 * hiddenSize,
  };
}

/**
 * Names in logit order from id2label, else by num_labels; a silent config counts as one label and the graph is checked against it.
 *
 * @throws RerankError `model_files` for a number or a name of labels that cannot be one
 */
export function labelNames(config: JsonObject): string[] {
  const count = wholeNumber(config, 'num_labels', CONFIG, LABELS) ?? 1;
  const id2label = config['id2label'] ?? {};
  if (typeof id2label !== 'object') throw outOfBounds(CONFIG, 'id2label', id2label, 'an object is expected');
  const entries = Object.entries(id2label);
  if (entries.length === 0) return Array.from({ length: count }, (_, index) => `LABEL_${index}`);
  if (entries.length > LABELS.max)
    throw outOfBounds(CONFIG, 'id2label', id2label, `it has ${entries.length} labels; at most ${LABELS.max} are read`);
  return entries
    .map(([id, name]) => ({ id: labelId(id), name: labelName(id, name) }))
    .sort((a, b) => a.id - b.id)
    .map(({ name }) => name);
}

/**
 * The id that fills shorter rows: by the token's name in the tokenizer's files, else by the config.
 *
 * @throws RerankError `model_files` for an id the model has no row for
 */
export function padTokenId(files: ModelFiles): number {
  const own = configuredPadId(files.config);
  const id = namedPadId(files) ?? own ?? 0;
  const rows = wholeNumber(files.config, 'vocab_size', CONFIG, VOCABULARY);
  if (rows === null || id < rows) return id;
  throw outOfBounds(CONFIG, 'vocab_size', rows, `it has no row for the padding token, whose id is ${id}`);
}

/** `pad_token_id` of config.json; null where it says none. @throws RerankError `model_files` */
export function configuredPadId(config: JsonObject): number | null {
  const id = wholeNumber(config, 'pad_token_id', CONFIG, PAD_ID);
  return id === -1 ? null : id;
}

function namedPadId({ tokenizerConfig, specialTokensMap }: ModelFiles): number | null {
  const name = tokenText(tokenizerConfig['pad_token']) ?? tokenText(specialTokensMap['pad_token']);
  const decoder = tokenizerConfig['added_tokens_decoder'];
  if (name === null || !isJsonObject(decoder)) return null;
  for (const [id, token] of Object.entries(decoder)) {
    if (tokenText(token) !== name) continue;
    if (isId(id)) return Number(id);
    throw outOfBounds('tokenizer_config.json', 'added_tokens_decoder', id, `the padding token's id is expected`);
  }
  return null;
}

/** Token entries are strings or `{content}` objects. */
function tokenText(value: unknown): string | null {
  if (typeof value === 'string') return value;
  return isJsonObject(value) && typeof value['content'] === 'string' ? value['content'] : null;
}

function firstOf(config: JsonObject, keys: readonly string[], bounds: Bounds): number | null {
  return keys.map((key) => wholeNumber(config, key, CONFIG, bounds)).find((value) => value !== null) ?? null;
}

function labelId(id: string): number {
  if (isId(id)) return Number(id);
  throw outOfBounds(CONFIG, 'id2label', id, 'its keys are expected to be the numbers of the labels');
}

function labelName(id: string, name: unknown): string {
  const text = typeof name === 'number' ? String(name) : name;
  if (typeof text === 'string' && text.length <= MAX_LABEL_CHARS) return text;
  throw outOfBounds(CONFIG, `id2label[${cut(id)}]`, name, `a name of at most ${MAX_LABEL_CHARS} characters is expected`);
}

/** Whole, and below 2^31. */
function isId(text: string): boolean {
  return /^\d{1,10}$/.test(text) && Number(text) <= PAD_ID.max;
}

// The longest pair a model takes, in sentence-transformers' order, and never more than its position table holds.

import { RerankError } from '../errors.ts';
import { type JsonObject, outOfBounds } from './checked-json.ts';
import { configuredPadId } from './model-facts.ts';
import type { ModelFiles } from './model-files.ts';

export interface MaxLength {
  readonly tokens: number;
  /** Which file or flag decided. */
  readonly source: string;
}

/** Used when no file says anything; the usual table size. */
const FALLBACK_TOKENS = 512;

/** Transformers stores "no limit" as 1e30; from here on it is no limit. */
const NO_LIMIT_TOKENS = 1e9;

/** Above the longest context of any model. */
const MAX_TOKENS = 2 ** 24;

/** Families whose position ids start at pad_token_id + 1, so a table of 514 rows holds 512 tokens. */
const OFFSET_POSITIONS = new Set([
  'roberta',
  'xlm-roberta',
  'xlm-roberta-xl',
  'camembert',
  'mpnet',
  'longformer',
  'data2vec-text',
  'roberta-prelayernorm',
  'xmod',
  'ibert',
  'luke',
  'layoutlmv3',
]);

/** Families with one learned vector a position: running past the table is an error in the graph. */
const LEARNED_POSITIONS = new Set([
  ...OFFSET_POSITIONS,
  'bert',
  'distilbert',
  'electra',
  'albert',
  'mobilebert',
  'convbert',
  'ernie',
  'nezha',
  'big_bird',
  'splinter',
  'squeezebert',
  'xlm',
  'flaubert',
]);

/**
 * Resolves the limit: a saved max_seq_length, else min(tokenizer, config) as sentence-transformers; capped by the position table,
 * which sentence-transformers does not do (it lets RoBERTa overrun by the offset); lowered by the caller.
 *
 * @param requested `--max-length`, tokens; may lower the limit, never raise it past what the model holds
 * @param warnings  receives what a user should know
 * @throws RerankError `model_files` for a limit that cannot be one
 * @see sentence_transformers/base/modules/transformer.py (max_seq_length), TEI router/src/lib.rs (position offset)
 */
export function resolveMaxLength(files: ModelFiles, requested: number | null, warnings: string[]): MaxLength {
  const own = ownLimit(files);
  const table = positionTable(files);
  let limit = own ?? {
    tokens: table ?? FALLBACK_TOKENS,
    source: table === null ? 'default' : 'config.json max_position_embeddings',
  };
  if (own === null && table === null)
    warnings.push(`no file of the model states a maximum length; ${FALLBACK_TOKENS} tokens are assumed`);
  if (table !== null && limit.tokens > table) {
    limit = { tokens: table, source: 'config.json max_position_embeddings less the position offset' };
  }
  if (requested === null || requested === limit.tokens) return limit;
  if (requested > limit.tokens) {
    warnings.push(`--max-length ${requested} is above the model's ${limit.tokens} tokens (${limit.source}) and is not used`);
    return limit;
  }
  return { tokens: requested, source: '--max-length' };
}

function ownLimit(files: ModelFiles): MaxLength | null {
  const saved = limitOf(files.sentenceBertConfig, 'sentence_bert_config.json', 'max_seq_length');
  if (saved !== null) return { tokens: saved, source: 'sentence_bert_config.json max_seq_length' };
  const tokenizer = limitOf(files.tokenizerConfig, 'tokenizer_config.json', 'model_max_length');
  const positions = limitOf(files.config, 'config.json', 'max_position_embeddings');
  if (tokenizer !== null && (positions === null || tokenizer <= positions)) {
    return { tokens: tokenizer, source: 'tokenizer_config.json model_max_length' };
  }
  return positions === null ? null : { tokens: positions, source: 'config.json max_position_embeddings' };
}

/** Rows of a learned position table that pairs can use; null for relative or rotary positions. */
function positionTable(files: ModelFiles): number | null {
  const { config } = files;
  const type = typeof config['model_type'] === 'string' ? config['model_type'] : '';
  const rows = limitOf(config, 'config.json', 'max_position_embeddings');
  const kind = config['position_embedding_type'];
  if (rows === null || !LEARNED_POSITIONS.has(type) || (typeof kind === 'string' && /rota|rope/.test(kind))) return null;
  if (!OFFSET_POSITIONS.has(type)) return rows;
  const usable = rows - (configuredPadId(config) ?? 1) - 1;
  if (usable < 1) throw new RerankError('model_files', `config.json: max_position_embeddings ${rows} leaves no room for tokens`);
  return usable;
}

/** Tokens; null when there is no limit, which is written as -1 or as a number beyond all others. */
function limitOf(object: JsonObject, file: string, key: string): number | null {
  const value = object[key] ?? null;
  if (value === null || value === -1 || (typeof value === 'number' && value >= NO_LIMIT_TOKENS)) return null;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_TOKENS) return value;
  throw outOfBounds(file, key, value, `a whole number from 1 to ${MAX_TOKENS} is expected, or none`);
}

// What transformers 4.57 changes in a tokenizer when it loads one, read from tokenizer_config.json. Only load.ts imports it.
// @see tokenization_utils_fast.py, models/bert/tokenization_bert_fast.py and sentence-transformers base/modules/transformer.py

import { type AddedToken, readAddedToken } from './added-tokens.ts';
import { flag, isObject, type Json, objectAt } from './json.ts';

/** Classes that write do_lower_case, strip_accents and tokenize_chinese_chars into the BERT normaliser. */
const BERT_CLASSES = new Set([
  'bert',
  'distilbert',
  'electra',
  'mobilebert',
  'convbert',
  'funnel',
  'layoutlm',
  'layoutlmv2',
  'lxmert',
  'squeezebert',
]);
/** Classes that leave the treatment of ideographs as it is. */
const ACCENT_CLASSES = new Set(['mpnet', 'splinter', 'roformer']);
const SPECIAL_NAMES = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'] as const;

/** The normaliser block after transformers and sentence-transformers changed it. */
export function overrideNormalizer(
  normalizer: unknown,
  tokenizerConfig: Json,
  options: { modelType: string; doLowerCase: boolean },
): unknown {
  const changed = overrideBert(normalizer, tokenizerConfig, options.modelType);
  if (!options.doLowerCase || lowers(changed)) return changed;
  const rest =
    isObject(changed) && changed.type === 'Sequence' && Array.isArray(changed.normalizers) ? changed.normalizers : [changed];
  return {
    type: 'Sequence',
    normalizers: [{ type: 'Lowercase' }, ...rest.filter((stage) => stage !== null && stage !== undefined)],
  };
}

/** A top-level ByteLevel takes add_prefix_space from tokenizer_config.json, where it is false when absent. */
export function overridePreTokenizer(preTokenizer: unknown, tokenizerConfig: Json): unknown {
  if (!isObject(preTokenizer) || preTokenizer.type !== 'ByteLevel' || Object.keys(tokenizerConfig).length === 0)
    return preTokenizer;
  return { ...preTokenizer, add_prefix_space: flag(tokenizerConfig.add_prefix_space, false) };
}

/** Tokens that transformers adds after those of tokenizer.json: known contents get new flags, unknown ones a new id. */
export function configuredTokens(tokenizerConfig: Json, isKnown: (content: string) => boolean): AddedToken[] {
  const tokens = decoderTokens(tokenizerConfig);
  const specials = specialContents(tokenizerConfig);
  const names = new Set(tokens.map(({ content }) => content));
  const added = tokens.map((token) => ({ ...token, isSpecial: token.isSpecial || specials.has(token.content) }));
  for (const [content, entry] of specials) {
    if (names.has(content) || isKnown(content)) continue;
    added.push(
      readAddedToken(
        typeof entry === 'string' ? { content } : { ...objectAt(entry, 'tokenizer_config.json'), special: true },
        content,
      ),
    );
    added[added.length - 1] = {
      ...added.at(-1)!,
      isSpecial: true,
      isNormalized: isObject(entry) ? flag(entry.normalized, false) : false,
    };
  }
  return added;
}

/** The tokenizer class without its suffix, lower case; a model without a named class gets that of its type. */
function family({ tokenizer_class: name }: Json, modelType: string): string {
  return (typeof name === 'string' ? name.replace(/Tokenizer(Fast)?$/, '') : modelType).toLowerCase();
}

function overrideBert(normalizer: unknown, config: Json, modelType: string): unknown {
  if (!isObject(normalizer) || normalizer.type !== 'BertNormalizer') return normalizer;
  const name = family(config, modelType);
  if (!BERT_CLASSES.has(name) && !ACCENT_CLASSES.has(name)) return normalizer;
  return {
    ...normalizer,
    lowercase: flag(config.do_lower_case, true),
    strip_accents: typeof config.strip_accents === 'boolean' ? config.strip_accents : null,
    ...(BERT_CLASSES.has(name) && { handle_chinese_chars: flag(config.tokenize_chinese_chars, true) }),
  };
}

/** As `_has_lowercase` of sentence-transformers. */
function lowers(normalizer: unknown): boolean {
  if (!isObject(normalizer)) return false;
  if (normalizer.type === 'Lowercase') return true;
  if (normalizer.type === 'Sequence' && Array.isArray(normalizer.normalizers)) return normalizer.normalizers.some(lowers);
  return normalizer.lowercase === true;
}

function decoderTokens(config: Json): AddedToken[] {
  const decoder = config.added_tokens_decoder;
  if (!isObject(decoder)) return [];
  return Object.keys(decoder)
    .sort((a, b) => Number(a) - Number(b))
    .map((id) => readAddedToken(decoder[id], `tokenizer_config.json: added_tokens_decoder[${id}]`));
}

/** Content -> the entry of tokenizer_config.json that names it a special token. */
function specialContents(config: Json): Map<string, unknown> {
  const entries: unknown[] = SPECIAL_NAMES.map((name) => config[name]);
  for (const more of [config.additional_special_tokens, config.extra_special_tokens]) {
    if (typeof more === 'object' && more !== null) entries.push(...Object.values(more));
  }
  const contents = new Map<string, unknown>();
  for (const entry of entries) {
    const content = isObject(entry) ? entry.content : entry;
    if (typeof content === 'string' && content !== '') contents.set(content, entry);
  }
  return contents;
}

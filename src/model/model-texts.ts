// Texts of a model's files that are put around or beside a caller's: prompts, pair template, known pair. Only model-spec.ts imports it.

import { RerankError } from '../errors.ts';
import type { KnownPair, PairTemplate } from '../protocol.ts';
import { cut, isJsonObject, type JsonObject, outOfBounds, shown, textOf } from './checked-json.ts';

const ST_CONFIG = 'config_sentence_transformers.json';
const PAIR_TEMPLATE = 'pair_template.json';
const KNOWN_PAIR = 'known-pair.json';

const MAX_PROMPTS = 1000;
const MAX_PROMPT_NAME_CHARS = 200;
/** A prompt goes before every query of a call. */
const MAX_PROMPT_CHARS = 32_768;
/** A tokenizer is tried with some thousand texts in the template when it is loaded. */
const MAX_TEMPLATE_CHARS = 8192;
const MAX_KNOWN_CHARS = 65_536;

/** Name -> text; values that are no texts are left out. @throws RerankError `model_files` for too many or too long ones */
export function readPrompts(config: JsonObject): Record<string, string> {
  const value = config['prompts'] ?? {};
  if (!isJsonObject(value)) throw outOfBounds(ST_CONFIG, 'prompts', value, 'an object is expected');
  const prompts = Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  if (prompts.length > MAX_PROMPTS)
    throw outOfBounds(ST_CONFIG, 'prompts', value, `it has ${prompts.length} texts; at most ${MAX_PROMPTS} are read`);
  const tooLong = prompts.find(([name, text]) => name.length > MAX_PROMPT_NAME_CHARS || text.length > MAX_PROMPT_CHARS);
  if (tooLong === undefined) return Object.fromEntries(prompts);
  throw outOfBounds(
    ST_CONFIG,
    `prompts[${cut(tooLong[0])}]`,
    tooLong[1],
    `at most ${MAX_PROMPT_NAME_CHARS} characters of a name and ${MAX_PROMPT_CHARS} of a prompt are read`,
  );
}

/** @throws RerankError `model_files` when it is not one of the prompts */
export function defaultPromptName(config: JsonObject, prompts: Readonly<Record<string, string>>): string | null {
  const name = textOf(config, 'default_prompt_name', ST_CONFIG, MAX_PROMPT_NAME_CHARS);
  if (name === null || Object.hasOwn(prompts, name)) return name;
  const names = cut(Object.keys(prompts).join(', '), 1000) || 'none';
  throw new RerankError('model_files', `default_prompt_name '${name}' of ${ST_CONFIG} is not one of its prompts (${names})`);
}

/**
 * The spaces and line breaks around a text may stand in fields of their own; they are part of the literal text all the same.
 *
 * @throws RerankError `model_files` for a part that is no text, or parts longer than a template
 */
export function readPairTemplate(value: JsonObject | null): PairTemplate | null {
  if (value === null) return null;
  const part = (key: string): string => textOf(value, key, PAIR_TEMPLATE, MAX_TEMPLATE_CHARS) ?? '';
  const template = {
    prefix: part('prefix') + part('query_prefix'),
    separator: part('query_suffix') + part('separator') + part('document_prefix'),
    suffix: part('document_suffix') + part('suffix'),
  };
  const chars = Object.values(template).reduce((sum, text) => sum + text.length, 0);
  if (chars <= MAX_TEMPLATE_CHARS) return template;
  throw new RerankError('model_files', `${PAIR_TEMPLATE}: it has ${chars} characters; at most ${MAX_TEMPLATE_CHARS} are read`);
}

/** @throws RerankError `model_files` when it is not two texts and a number */
export function readKnownPair(value: JsonObject | null): KnownPair | null {
  if (value === null) return null;
  const query = textOf(value, 'query', KNOWN_PAIR, MAX_KNOWN_CHARS);
  const document = textOf(value, 'document', KNOWN_PAIR, MAX_KNOWN_CHARS);
  const { logit } = value;
  if (query !== null && document !== null && typeof logit === 'number' && Number.isFinite(logit))
    return { query, document, logit };
  throw new RerankError(
    'model_files',
    `${KNOWN_PAIR} needs the strings query and document and the number logit, which is ${shown(logit)}`,
  );
}

// The post_processor block of tokenizer.json: special tokens around query and document, and their type ids. Workers/pair-encoder and workers/tokenizer import it.

import { arrayAt, failModel, idAt, isObject, type Json, objectAt, stringAt, typeNameOf } from './json.ts';
import { stageBlocks } from './pre-tokenizers.ts';

/** Around a text or a pair; models have four. */
const MAX_SPECIAL_TOKENS = 256;

/** One part of a template: literal ids, or the tokens of the first (A, the query) or second (B, the document) text. */
export type TemplatePart =
  | { readonly kind: 'ids'; readonly ids: readonly number[]; readonly tokens: readonly string[]; readonly typeId: number }
  | { readonly kind: 'A' | 'B'; readonly typeId: number };

/** A sequence of parts and the number of tokens its literal ids take. */
export interface Template {
  readonly parts: readonly TemplatePart[];
  readonly specialTokens: number;
}

export interface Templates {
  readonly single: Template;
  readonly pair: Template;
}

/**
 * Reads the templates for one text and for a pair.
 *
 * @throws RerankError `model_files` for an unknown processor, or several that add tokens
 */
export function readTemplates(config: unknown, where: string): Templates {
  const stages = stageBlocks(config, 'processors').filter(({ type }) => type !== 'ByteLevel');
  if (stages.length > 1) failModel(where, 'more than one processor adds special tokens');
  const stage = stages[0];
  if (stage === undefined) return { single: template([A(0)]), pair: template([A(0), B(1)]) };
  switch (stage.type) {
    case 'TemplateProcessing':
      return { single: readTemplate(stage, 'single', where), pair: readTemplate(stage, 'pair', where) };
    case 'BertProcessing':
      return bertTemplates(stage, where, 1);
    case 'RobertaProcessing':
      return robertaTemplates(stage, where);
    default:
      return failModel(where, `unknown post_processor ${typeNameOf(stage)}`);
  }
}

/** Ids of special tokens and what they are called. */
interface NamedIds {
  readonly ids: readonly number[];
  readonly tokens: readonly string[];
}

const A = (typeId: number): TemplatePart => ({ kind: 'A', typeId });
const B = (typeId: number): TemplatePart => ({ kind: 'B', typeId });
const literal = ({ ids, tokens }: NamedIds, typeId: number): TemplatePart => ({ kind: 'ids', ids, tokens, typeId });

function template(parts: readonly TemplatePart[]): Template {
  return { parts, specialTokens: parts.reduce((sum, part) => sum + (part.kind === 'ids' ? part.ids.length : 0), 0) };
}

/** `[token, id]` of the older processors. */
function namedId(value: unknown, where: string): NamedIds {
  const [token, id] = arrayAt(value, where);
  return { ids: [idAt(id, where)], tokens: [stringAt(token, where)] };
}

function bertTemplates(config: Json, where: string, documentType: number): Templates {
  const cls = literal(namedId(config.cls, `${where}.cls`), 0);
  const sep = namedId(config.sep, `${where}.sep`);
  const single = [cls, A(0), literal(sep, 0)];
  return { single: template(single), pair: template([...single, B(documentType), literal(sep, documentType)]) };
}

/** `<s> A </s></s> B </s>`, every type id 0. */
function robertaTemplates(config: Json, where: string): Templates {
  const cls = literal(namedId(config.cls, `${where}.cls`), 0);
  const sep = literal(namedId(config.sep, `${where}.sep`), 0);
  return { single: template([cls, A(0), sep]), pair: template([cls, A(0), sep, sep, B(0), sep]) };
}

function readTemplate(config: Json, key: 'single' | 'pair', where: string): Template {
  const specials = objectAt(config.special_tokens ?? {}, `${where}.special_tokens`);
  const parts = arrayAt(config[key], `${where}.${key}`).map((piece, i) => readPart(piece, specials, `${where}.${key}[${i}]`));
  // A text that stands there twice takes twice the tokens the limit leaves it.
  for (const text of ['A', 'B']) {
    if (parts.filter(({ kind }) => kind === text).length > 1) failModel(`${where}.${key}`, `${text} is in it more than once`);
  }
  const read = template(parts);
  if (read.specialTokens > MAX_SPECIAL_TOKENS) failModel(`${where}.${key}`, `more than ${MAX_SPECIAL_TOKENS} special tokens`);
  return read;
}

function readPart(piece: unknown, specials: Json, where: string): TemplatePart {
  const { Sequence: sequence, SpecialToken: special } = objectAt(piece, where);
  if (isObject(sequence)) {
    const typeId = idAt(sequence.type_id ?? 0, `${where}.type_id`);
    return sequence.id === 'A' ? A(typeId) : sequence.id === 'B' ? B(typeId) : failModel(where, 'a sequence is A or B');
  }
  const token = objectAt(special, where);
  const name = stringAt(token.id, `${where}.id`);
  const entry = objectAt(specials[name], `${where}: special token ${name}`);
  const ids = arrayAt(entry.ids, `${where}: ids of ${name}`).map((id) => idAt(id, `${where}: ids of ${name}`));
  const tokens = arrayAt(entry.tokens ?? ids.map(() => name), `${where}: tokens of ${name}`).map((each) =>
    stringAt(each, `${where}: tokens of ${name}`),
  );
  return literal({ ids, tokens }, idAt(token.type_id ?? 0, `${where}.type_id`));
}

// Reading of untyped JSON with errors that name the place. Only workers/tokenizer and pair-encoder import it.

import { RerankError } from '../../src/errors.ts';

export type Json = Readonly<Record<string, unknown>>;

/** Above the vocabulary of any model. */
const MAX_ID = 2 ** 24 - 1;

/** Of each half of a message: what a file holds may be megabytes. */
const MAX_SHOWN_CHARS = 300;

/** @throws RerankError `model_files` saying what is wrong and where */
export function failModel(where: string, problem: string, cause?: unknown): never {
  throw new RerankError('model_files', `${cut(where)}: ${cut(problem)}`, cause === undefined ? {} : { cause });
}

function cut(text: string): string {
  return text.length <= MAX_SHOWN_CHARS ? text : `${text.slice(0, MAX_SHOWN_CHARS)}...`;
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @throws RerankError `model_files` */
export function objectAt(value: unknown, where: string): Json {
  return isObject(value) ? value : failModel(where, 'an object is expected');
}

/** @throws RerankError `model_files` */
export function arrayAt(value: unknown, where: string): readonly unknown[] {
  return Array.isArray(value) ? value : failModel(where, 'an array is expected');
}

/** @throws RerankError `model_files` */
export function stringAt(value: unknown, where: string): string {
  return typeof value === 'string' ? value : failModel(where, 'a string is expected');
}

/** A token id. @throws RerankError `model_files` */
export function idAt(value: unknown, where: string): number {
  return isWhole(value, 0, MAX_ID) ? value : failModel(where, `a token id is expected, 0 to ${MAX_ID}`);
}

/** A whole number; `fallback` where there is none. @throws RerankError `model_files` when it is out of its bounds */
export function wholeAt(value: unknown, where: string, { min, max, fallback }: WholeBounds): number {
  if (value === null || value === undefined) return fallback;
  return isWhole(value, min, max) ? value : failModel(where, `a whole number from ${min} to ${max} is expected`);
}

export interface WholeBounds {
  readonly min: number;
  readonly max: number;
  readonly fallback: number;
}

/** An entry of a table by a name from a file: `constructor` is in every object, and in no table. */
export function entryOf<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

function isWhole(value: unknown, min: number, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
}

/** The `type` of a block, for messages. */
export function typeNameOf({ type }: Json): string {
  return typeof type === 'string' ? type : typeof type;
}

export const optionalString = (value: unknown): string | null => (typeof value === 'string' ? value : null);
export const flag = (value: unknown, fallback: boolean): boolean => (typeof value === 'boolean' ? value : fallback);

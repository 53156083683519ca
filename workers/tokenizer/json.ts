// Reading of untyped JSON with errors that name the place. Only workers/tokenizer and pair-encoder import it.

import { RerankError } from '../../src/errors.ts';

export type Json = Readonly<Record<string, unknown>>;

/** @throws RerankError `model_files` saying what is wrong and where */
export function failModel(where: string, problem: string, cause?: unknown): never {
  throw new RerankError('model_files', `${where}: ${problem}`, cause === undefined ? {} : { cause });
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
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : failModel(where, 'a token id is expected');
}

export const optionalString = (value: unknown): string | null => (typeof value === 'string' ? value : null);
export const flag = (value: unknown, fallback: boolean): boolean => (typeof value === 'boolean' ? value : fallback);

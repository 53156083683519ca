// Values of a model's JSON files, each within its bounds: what a file says is checked once, when it is read.

import { basename } from 'node:path';
import { RerankError } from '../errors.ts';
import { readRegularFile } from './regular-file.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

/** Whole numbers from `min` to `max`, both allowed. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
}

/** Deeper than any model's file; what is deeper cannot be handed to another thread. */
const MAX_DEPTH = 64;

const SHOWN_CHARS = 80;

/**
 * Parses a JSON file of bounded size and depth.
 *
 * @throws RerankError `model_files` when it is no regular file, too large, too deep, or not JSON
 */
export function readJsonFile(path: string, maxBytes: number): unknown {
  const value = parse(path, readRegularFile(path, maxBytes));
  if (!isDeeperThan(value, MAX_DEPTH)) return value;
  throw broken(path, `it is nested more than ${MAX_DEPTH} levels deep`);
}

export function broken(path: string, why: string): RerankError {
  return new RerankError('model_files', `${basename(path)} of the model is broken: ${why} (${path})`);
}

/** The whole number under a key; null when it is absent or null. @throws RerankError `model_files` naming file, key, value and bounds */
export function wholeNumber(object: JsonObject, key: string, file: string, { min, max }: Bounds): number | null {
  const value = object[key] ?? null;
  if (value === null) return null;
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
  throw outOfBounds(file, key, value, `a whole number from ${min} to ${max} is expected`);
}

/** The text under a key; null when it is absent or null. @throws RerankError `model_files` */
export function textOf(object: JsonObject, key: string, file: string, maxChars: number): string | null {
  const value = object[key] ?? null;
  if (value === null) return null;
  if (typeof value === 'string' && value.length <= maxChars) return value;
  throw outOfBounds(file, key, value, `a text of at most ${maxChars} characters is expected`);
}

/** What is wrong with a value, for people. */
export function outOfBounds(file: string, key: string, value: unknown, wanted: string): RerankError {
  return new RerankError('model_files', `${file}: ${key} is ${shown(value)}; ${wanted}`);
}

/** A value in a message: short, whatever it is. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(cut(value));
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

/** The beginning of a text, for messages. */
export function cut(text: string, maxChars = SHOWN_CHARS): string {
  return text.length <= maxChars ? text : `${text.slice(0, maxChars)}...`;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw broken(path, error instanceof Error ? error.message : String(error));
  }
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(inner, levels - 1));
}

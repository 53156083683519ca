// The input formats: which one a file has, and how one line becomes a text.

import { InvalidRecord } from './lines.ts';

export const FORMATS = ['lines', 'jsonl', 'csv', 'tsv'] as const;
export type Format = (typeof FORMATS)[number];

const FORMAT_OF_EXTENSION: Readonly<Record<string, Format>> = {
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  csv: 'csv',
  tsv: 'tsv',
  tab: 'tsv',
};

/** By the name's extension, `.gz` looked through; `lines` for every other name. */
export function formatOf(name: string): Format {
  const extension = /\.(\w+)(?:\.gz)?$/i.exec(name)?.[1]?.toLowerCase() ?? '';
  return FORMAT_OF_EXTENSION[extension] ?? 'lines';
}

/** Parses one JSON line. @throws InvalidRecord */
export function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new InvalidRecord(`invalid JSON (${(error as Error).message})`);
  }
}

/**
 * The text of a JSON document: a string, or the field of an object.
 *
 * @param fieldPath `text`, or a dotted path into nested objects; a field whose own name has the dots wins
 * @throws InvalidRecord
 */
export function textOfJson(value: unknown, fieldPath: string): string {
  if (typeof value === 'string') return value;
  if (!isObject(value)) throw new InvalidRecord(`a document is a JSON string or object, not ${kindOf(value)}`);
  const text = fieldOf(value, fieldPath);
  if (typeof text === 'string') return text;
  throw new InvalidRecord(
    text === undefined
      ? `no field '${fieldPath}' (it has ${Object.keys(value).slice(0, 8).join(', ') || 'none'})`
      : `field '${fieldPath}' is not a string but ${kindOf(text)}`,
  );
}

function fieldOf(value: Readonly<Record<string, unknown>>, path: string): unknown {
  if (Object.hasOwn(value, path)) return value[path];
  let current: unknown = value;
  for (const key of path.split('.')) {
    if (!isObject(current) || !Object.hasOwn(current, key)) return undefined;
    current = current[key];
  }
  return current;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : `a ${typeof value}`;
}

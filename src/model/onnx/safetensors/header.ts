// The header of a safetensors file: where each tensor lies. Every number in it is checked; the file may be anyone's.

import { closeSync, fstatSync } from 'node:fs';
import { RerankError } from '../../../errors.ts';
import { MAX_WEIGHT_BYTES, openRegularFile } from '../../regular-file.ts';
import { readFully } from '../tensor-source.ts';
import { ELEMENT_TYPE_BYTES } from './element-types.ts';

/** One tensor as its file describes it. */
export interface TensorEntry {
  readonly name: string;
  /** `F32`, `BF16` and so on. */
  readonly type: string;
  readonly dims: readonly number[];
  /** Of its first byte, from the start of the file. */
  readonly offset: number;
  readonly byteLength: number;
}

/** The format's own limit. */
const MAX_HEADER_BYTES = 100_000_000;

const LENGTH_BYTES = 8;

/** What people find in place of the weights, by its first bytes. */
const IMPOSTORS: readonly (readonly [start: RegExp, what: string])[] = [
  [/^version http/, 'a Git LFS pointer: fetch the file itself (git lfs pull)'],
  [/^\s*<(!doctype|html|\?xml)/i, 'a web page: the download went wrong'],
  [/^PK\x03\x04/, 'a zip archive, as PyTorch saves its pickles'],
];

/**
 * Reads the header of a file.
 *
 * @returns its tensors in the order of their bytes
 * @throws RerankError `model_files` when it cannot be read, is not safetensors, or contradicts itself
 */
export function readHeader(path: string): TensorEntry[] {
  const file = openRegularFile(path, MAX_WEIGHT_BYTES);
  try {
    const size = fstatSync(file).size;
    const headerBytes = headerLength(file, path, size);
    const bytes = new Uint8Array(headerBytes);
    readFully(file, bytes, LENGTH_BYTES, path);
    const start = LENGTH_BYTES + headerBytes;
    const entries = parseEntries(path, bytes).map((entry) => ({ ...entry, offset: start + entry.offset }));
    return checkLayout(path, entries, start, size);
  } finally {
    closeSync(file);
  }
}

function headerLength(file: number, path: string, size: number): number {
  if (size < LENGTH_BYTES) refuse(path, `not a safetensors file, it has ${size} bytes`);
  const start = Buffer.alloc(Math.min(size, 64));
  readFully(file, start, 0, path);
  const impostor = IMPOSTORS.find(([pattern]) => pattern.test(start.toString('latin1')));
  if (impostor !== undefined) refuse(path, `it is ${impostor[1]}`);
  const length = start.readBigUInt64LE(0);
  if (length > BigInt(MAX_HEADER_BYTES)) refuse(path, `not a safetensors file, its header would have ${length} bytes`);
  if (length > BigInt(size - LENGTH_BYTES)) refuse(path, `cut short, its header alone has ${length} bytes of ${size}`);
  return Number(length);
}

function parseEntries(path: string, bytes: Uint8Array): TensorEntry[] {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    refuse(path, `not a safetensors file, or damaged: ${(error as Error).message}`);
  }
  if (!isObject(header)) refuse(path, 'not a safetensors file, its header is no object');
  return Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, entry]) => parseEntry(path, name, entry));
}

function parseEntry(path: string, name: string, entry: unknown): TensorEntry {
  if (!isObject(entry)) refuse(path, `'${name}' is not described`);
  const { dtype: type, shape: dims, data_offsets: range } = entry;
  if (!isCounts(dims)) refuse(path, `'${name}' has the shape ${JSON.stringify(dims)}`);
  if (!isCounts(range) || range.length !== 2 || range[0]! > range[1]!) refuse(path, `'${name}' lies at ${JSON.stringify(range)}`);
  const elementBytes = typeof type === 'string' ? ELEMENT_TYPE_BYTES.get(type) : undefined;
  if (elementBytes === undefined) refuse(path, `'${name}' has the data type ${JSON.stringify(type)}`);
  const byteLength = range[1]! - range[0]!;
  const wanted = dims.reduce((product, dim) => product * dim, elementBytes);
  if (wanted !== byteLength) refuse(path, `'${name}' is ${type} [${dims}], but ${byteLength} bytes are stored`);
  return { name, type: type as string, dims, offset: range[0]!, byteLength };
}

/** The format leaves no byte between tensors and none after them, so a gap or a rest is damage. */
function checkLayout(path: string, entries: readonly TensorEntry[], start: number, size: number): TensorEntry[] {
  const ordered = entries.toSorted((a, b) => a.offset - b.offset || a.byteLength - b.byteLength);
  let end = start;
  for (const { name, offset, byteLength } of ordered) {
    if (offset !== end) refuse(path, `'${name}' ${offset < end ? 'overlaps' : 'leaves a gap after'} the tensor before it`);
    end += byteLength;
  }
  if (end > size) refuse(path, `cut short, ${end - size} bytes of weights are missing`);
  if (end < size) refuse(path, `${size - end} bytes follow the last tensor`);
  return ordered;
}

/** Safe integers from 0 on: products and sums of them are checked against sizes of files, never used before. */
function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((each) => Number.isSafeInteger(each) && each >= 0);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refuse(path: string, reason: string): never {
  throw new RerankError('model_files', `cannot read ${path}: ${reason}`);
}

// Element types of safetensors files: their size, and which of them a graph's weights can be read from.

import { DATA_TYPE } from '../data-types.ts';
import { decodeFloats } from '../decode-floats.ts';

/**
 * Bytes an element takes. Types of less than a byte are not here: no reranker stores weights so without a quantiser's
 * own layout.
 */
export const ELEMENT_TYPE_BYTES: ReadonlyMap<string, number> = new Map([
  ['F64', 8],
  ['F32', 4],
  ['F16', 2],
  ['BF16', 2],
  ['F8_E4M3', 1],
  ['F8_E5M2', 1],
  ['F8_E8M0', 1],
  ['C64', 8],
  ['I64', 8],
  ['I32', 4],
  ['I16', 2],
  ['I8', 1],
  ['U64', 8],
  ['U32', 4],
  ['U16', 2],
  ['U8', 1],
  ['BOOL', 1],
]);

type Decode = (bytes: Uint8Array) => Float32Array;

/** Whole elements -> float32. The result may be a view of the bytes. */
const DECODERS: ReadonlyMap<string, Decode> = new Map<string, Decode>([
  ['F64', (bytes) => Float32Array.from(new Float64Array(Uint8Array.from(bytes).buffer))],
  ['F32', (bytes) => decodeFloats(DATA_TYPE.float, bytes)!],
  ['F16', (bytes) => decodeFloats(DATA_TYPE.float16, bytes)!],
  ['BF16', (bytes) => decodeFloats(DATA_TYPE.bfloat16, bytes)!],
]);

/** How weights of this type are read; undefined for types that are not floats, or that need scales stored elsewhere. */
export function floatDecoder(type: string): Decode | undefined {
  return DECODERS.get(type);
}

/** For messages. */
export const FLOAT_TYPES = [...DECODERS.keys()].join(', ');

// Tensor bytes -> float32 values. Bytes are little-endian, as ONNX stores them and as every machine the runtime supports reads them.

import { DATA_TYPE } from './data-types.ts';
import type { TensorProto } from './onnx_pb.ts';

/**
 * Float32 values of a piece of a tensor; null for a data type that is not a weight's.
 *
 * @param bytes whole elements. Float32 is viewed, not copied, when the bytes are aligned
 */
export function decodeFloats(dataType: number, bytes: Uint8Array): Float32Array | null {
  switch (dataType) {
    case DATA_TYPE.float:
      return new Float32Array(...aligned(bytes, 4));
    case DATA_TYPE.float16:
      return decodeHalves(new Uint16Array(...aligned(bytes, 2)));
    case DATA_TYPE.bfloat16:
      return decodeBrainFloats(new Uint16Array(...aligned(bytes, 2)));
    case DATA_TYPE.int8:
      return Float32Array.from(new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length));
    case DATA_TYPE.uint8:
      return Float32Array.from(bytes);
    default:
      return null;
  }
}

/** Float32 values of a tensor that lies inside the message, whichever of its fields holds them; null as above. */
export function decodeInline(tensor: TensorProto): Float32Array | null {
  if (tensor.rawData.length > 0) return decodeFloats(tensor.dataType, tensor.rawData);
  if (tensor.dataType === DATA_TYPE.float) return Float32Array.from(tensor.floatData);
  const isHalf = tensor.dataType === DATA_TYPE.float16 || tensor.dataType === DATA_TYPE.bfloat16;
  const bits = isHalf ? Uint16Array.from(tensor.int32Data) : Uint8Array.from(tensor.int32Data);
  return decodeFloats(tensor.dataType, new Uint8Array(bits.buffer));
}

/** Buffer, offset and length for a view of `size`-byte elements; bytes inside a message may lie at any offset. */
function aligned(bytes: Uint8Array, size: number): [ArrayBufferLike, number, number] {
  const { buffer, byteOffset, length } = bytes.byteOffset % size === 0 ? bytes : Uint8Array.from(bytes);
  return [buffer, byteOffset, length / size];
}

let halfValues: Float32Array | null = null;

/** A table of all 65,536 halves: a weight has millions of elements. */
function decodeHalves(halves: Uint16Array): Float32Array {
  halfValues ??= Float32Array.from({ length: 2 ** 16 }, (_, bits) => halfValue(bits));
  const floats = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i += 1) floats[i] = halfValues[halves[i]!]!;
  return floats;
}

function halfValue(bits: number): number {
  const sign = bits < 0x8000 ? 1 : -1;
  const exponent = (bits >>> 10) & 31;
  const fraction = (bits & 1023) / 1024;
  if (exponent === 0) return sign * fraction * 2 ** -14;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction) * 2 ** (exponent - 15);
}

/** A bfloat16 is the upper half of a float32. */
function decodeBrainFloats(halves: Uint16Array): Float32Array {
  const words = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i += 1) words[i] = halves[i]! << 16;
  return new Float32Array(words.buffer);
}

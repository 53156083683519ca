// Pure: 16-bit floats of a graph's output -> float32, as sentence-transformers upcasts them. Only onnx-session.ts imports it.

const EXPONENT_BITS = 0x7c00;
const FRACTION_BITS = 0x03ff;

/** @param halves IEEE 754 binary16 values as the runtime gives them: their bits, or a Float16Array where the platform has one */
export function halfToFloat32(halves: ArrayLike<number>): Float32Array {
  return halves instanceof Uint16Array ? Float32Array.from(halves, decodeHalf) : Float32Array.from(halves);
}

function decodeHalf(bits: number): number {
  const sign = (bits & 0x8000) === 0 ? 1 : -1;
  const exponent = (bits & EXPONENT_BITS) >>> 10;
  const fraction = bits & FRACTION_BITS;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

// Distances between tokens as few buckets: near ones have their own, far ones share. In float32, as torch has them.

const { fround, log } = Math;

/**
 * Buckets of T5 and MPNet for both directions.
 *
 * @param distance query - key
 */
export function t5Bucket(distance: number, buckets: number, maxDistance: number): number {
  const half = Math.floor(buckets / 2);
  const exact = Math.floor(half / 2);
  const away = Math.abs(distance);
  const offset = distance < 0 ? half : 0;
  if (away < exact) return offset + away;
  const share = fround(fround(log(fround(away / exact))) / fround(log(maxDistance / exact)));
  return offset + Math.min(exact + Math.trunc(fround(share * (half - exact))), half - 1);
}

/**
 * Buckets of DeBERTa.
 *
 * @param distance query - key
 */
export function debertaBucket(distance: number, buckets: number, maxDistance: number): number {
  const middle = Math.floor(buckets / 2);
  const away = Math.abs(distance);
  if (away <= middle) return distance;
  const share = fround(fround(log(fround(away / middle))) / fround(log(fround((maxDistance - 1) / middle))));
  return Math.sign(distance) * (Math.ceil(fround(share * (middle - 1))) + middle);
}

// Pure: what a series of samples says: flat, rising, how fast.

import { median, significant } from '../statistics.ts';

/** Median of the last third over that of the first third. NaN without enough of them. */
export function flatness(values: readonly number[]): number {
  const finite = values.filter(Number.isFinite);
  const third = Math.floor(finite.length / 3);
  if (third === 0) return Number.NaN;
  return significant(median(finite.slice(-third)) / median(finite.slice(0, third)));
}

/** Slope of the least-squares line, in units of y per unit of x. NaN without two different x. */
export function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const finite = points.filter(([, y]) => Number.isFinite(y));
  const mean = (pick: 0 | 1): number => finite.reduce((sum, point) => sum + point[pick], 0) / finite.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  let [above, below] = [0, 0];
  for (const [x, y] of finite) {
    above += (x - meanX) * (y - meanY);
    below += (x - meanX) ** 2;
  }
  return below === 0 ? Number.NaN : above / below;
}

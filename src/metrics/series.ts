// A series as data: name, type, labels, unit, meaning, and how several processes become one. Knows no library; te-series.ts and own-series.ts list them.

/** How the values of several processes become one: counters and histograms are sums always. */
export type Merge = 'sum' | 'average' | 'min' | 'max' | 'first';

export interface Series {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  /** Base unit, or what is counted. */
  readonly unit: string;
  /** One line, no full stop. */
  readonly help: string;
  readonly merge: Merge;
  /** Upper bounds of a histogram, ascending. */
  readonly buckets: readonly number[];
}

/** Of what only the model knows, and of what has a caller. */
export const MODEL = ['model'] as const;
export const CALLER = ['model', 'dialect'] as const;

type Build = (name: string, labels: readonly string[], unit: string, help: string) => Series;

/** Only ever grows. */
export const counter: Build = (name, labels, unit, help) => series('counter', { name, labels, unit, help });

/** Goes up and down; summed over processes unless {@link merged} says otherwise. */
export const gauge: Build = (name, labels, unit, help) => series('gauge', { name, labels, unit, help });

/** {@link bounded} gives it its buckets. */
export const histogram: Build = (name, labels, unit, help) => series('histogram', { name, labels, unit, help });

/** A gauge of which several processes make one in another way than by a sum. */
export function merged(merge: Merge, gauge: Series): Series {
  return { ...gauge, merge };
}

/** @param buckets upper bounds, ascending */
export function bounded(buckets: readonly number[], histogram: Series): Series {
  return { ...histogram, buckets };
}

/** 1, 2, 4 ... `count` of them. */
export function powersOfTwo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, exponent) => 2 ** exponent);
}

function series(type: Series['type'], rest: Pick<Series, 'name' | 'labels' | 'unit' | 'help'>): Series {
  return { ...rest, type, merge: 'sum', buckets: [] };
}

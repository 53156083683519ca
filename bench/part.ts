// What a part of the bench gets and what it gives back. The runner prints and writes; the parts measure.

import type { Chart } from './report/chart.ts';
import type { Row } from './report/table.ts';

/** Parts in the order they run; from `growth` on only when named. */
export const PART_NAMES = [
  'engine',
  'pool',
  'http',
  'memory',
  'growth',
  'sizing',
  'sweep',
  'load',
  'mixed',
  'soak',
  'faults',
  'worst',
  'versions',
] as const;

export type PartName = (typeof PART_NAMES)[number];

export interface BenchContext {
  /** Smaller corpus, fewer rounds: shows that it works, proves nothing. */
  readonly quick: boolean;
  readonly cores: number;
  /** Flags of the CPU, as `/proc/cpuinfo` names them. */
  readonly flags: readonly string[];
  /** Another checkout of the project, built, for `versions`; null when none was named. */
  readonly against: string | null;
  /** Tells what is being measured. */
  readonly say: (line: string) => void;
}

/** A ratio somebody asked for. */
export interface Wanted {
  readonly name: string;
  /** For people: `>= 3`. */
  readonly target: string;
  /** null when it was not measured. */
  readonly measured: number | null;
  readonly met: boolean | null;
  readonly note?: string;
}

export interface PartResult {
  readonly tables: readonly { readonly title: string; readonly rows: readonly Row[] }[];
  readonly wanted: readonly Wanted[];
  readonly charts: readonly Chart[];
  /** Everything, for the JSON file. */
  readonly results: object;
}

export type Part = (context: BenchContext) => Promise<PartResult>;

/** @param note where the target does not apply, why */
export function atLeast(name: string, measured: number | null, target: number, note?: string): Wanted {
  return { name, target: `>= ${target}`, measured, met: measured === null ? null : measured >= target, ...(note && { note }) };
}

/** @see atLeast */
export function atMost(name: string, measured: number | null, target: number, note?: string): Wanted {
  return { name, target: `<= ${target}`, measured, met: measured === null ? null : measured <= target, ...(note && { note }) };
}

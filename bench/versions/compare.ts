// Pure: rounds of two servers under the same load -> ratios. Pairs of one round are compared, so that the machine's moods cancel out.

import type { LoadResult } from '../http/load.ts';
import { median, percentile, significant } from '../statistics.ts';

/** One measurement of each a round. */
export interface Rounds {
  readonly ours: readonly LoadResult[];
  readonly theirs: readonly LoadResult[];
}

export interface VersionCase {
  readonly model: string;
  /** A request. */
  readonly documents: number;
  readonly connections: number;
}

interface Both {
  readonly ours: number;
  readonly theirs: number;
}

export interface VersionFigures extends VersionCase {
  readonly rounds: number;
  readonly documents_per_second: Both;
  /** Median over the rounds of ours / theirs; above 1 we are faster. */
  readonly speed_ratio: number;
  /** Of the requests of all rounds together. */
  readonly p50_ms: Both;
  readonly p99_ms: Both;
  readonly p50_ratio: number;
  /** Ours / theirs; below 1 we are faster. */
  readonly p99_ratio: number;
}

export function versionFigures(of: VersionCase, { ours, theirs }: Rounds): VersionFigures {
  const rate = ({ latenciesMs, seconds }: LoadResult): number => (latenciesMs.length * of.documents) / seconds;
  const at = (share: number): Both => ({ ours: latency(ours, share), theirs: latency(theirs, share) });
  const [p50, p99] = [at(0.5), at(0.99)];
  return {
    ...of,
    rounds: ours.length,
    documents_per_second: { ours: significant(median(ours.map(rate))), theirs: significant(median(theirs.map(rate))) },
    speed_ratio: significant(median(ours.map((round, index) => rate(round) / rate(theirs[index]!)))),
    p50_ms: p50,
    p99_ms: p99,
    p50_ratio: significant(p50.ours / p50.theirs),
    p99_ratio: significant(p99.ours / p99.theirs),
  };
}

function latency(rounds: readonly LoadResult[], share: number): number {
  return significant(
    percentile(
      rounds.flatMap(({ latenciesMs }) => latenciesMs),
      share,
    ),
  );
}

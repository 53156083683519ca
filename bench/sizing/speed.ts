// Tokens a second of one core by the length of a pair: what docs/sizing.md divides by.

import type { Dtype, ModelSpec } from '../../src/protocol.ts';
import { RUN_LIMITS } from '../../workers/micro-batch.ts';
import type { TokenRow } from '../../workers/pair-encoder.ts';
import { openSession } from '../engine/open-session.ts';
import { withLimits } from '../engine/plans.ts';
import { pass, type Workload } from '../engine/workload.ts';
import { interleave, type RoundLimits } from '../interleave.ts';
import { between, seedOf, uniform } from '../random.ts';
import { median, type Spread, significant, spread } from '../statistics.ts';

export interface SpeedCase {
  readonly model: string;
  readonly spec: ModelSpec;
  readonly dtype: Dtype;
  readonly onnxFile: string;
  /** Tokens of a pair, special tokens included; each is measured by itself. */
  readonly lengths: readonly number[];
  /** Of one pass. */
  readonly passSeconds: number;
  readonly limits: RoundLimits;
}

export interface SpeedFigures {
  readonly model: string;
  readonly dtype: Dtype;
  readonly tokens_per_pair: number;
  readonly pairs: number;
  readonly seconds: Spread;
  readonly pairs_per_second: number;
  readonly tokens_per_second: number;
}

const MOST_PAIRS = 2048;

/** One session of one thread; the lengths take turns. */
export async function measureSpeed({
  model,
  spec,
  dtype,
  onnxFile,
  lengths,
  passSeconds,
  limits,
}: SpeedCase): Promise<SpeedFigures[]> {
  const session = await openSession(onnxFile, dtype);
  const planner = withLimits(RUN_LIMITS[dtype]);
  const workloads: Record<string, Workload> = {};
  for (const length of lengths) {
    await pass(session, equalPairs(spec, length, 4), planner); // warm
    const { seconds } = await pass(session, equalPairs(spec, length, 4), planner);
    const pairs = Math.min(MOST_PAIRS, Math.max(4, Math.round((4 * passSeconds) / seconds)));
    workloads[length] = equalPairs(spec, length, pairs);
  }
  const passes = await interleave(
    Object.fromEntries(lengths.map((length) => [length, () => pass(session, workloads[length]!, planner)])),
    limits,
  );
  await session.release();
  return lengths.map((length) => {
    const { pairs, tokens } = workloads[length]!;
    const seconds = passes[length]!.map((each) => each.seconds);
    return {
      model,
      dtype,
      tokens_per_pair: length,
      pairs: pairs.length,
      seconds: spread(seconds),
      pairs_per_second: significant(pairs.length / median(seconds)),
      tokens_per_second: significant(tokens / median(seconds)),
    };
  });
}

/** Pairs of random ids, all of one length. */
function equalPairs(spec: ModelSpec, length: number, count: number): Workload {
  const next = uniform(seedOf(`sizing ${length}`));
  const pairs = Array.from(
    { length: count },
    (): TokenRow => ({
      ids: Int32Array.from({ length }, () => between(next, FIRST_ID, LAST_ID)),
      typeIds: new Int32Array(length),
    }),
  );
  const lengths = Uint32Array.from(pairs, () => length);
  return { pairs, lengths, tokens: length * count, flops: 0, padding: { id: spec.padTokenId, side: spec.padSide } };
}

/** Ordinary words in the vocabulary of every model of the bench. */
const FIRST_ID = 1000;
const LAST_ID = 4000;

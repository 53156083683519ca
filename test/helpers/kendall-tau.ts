// Agreement of two orders.

/** Kendall's tau of two score lists, -1..1; pairs whose first scores are closer than `tie` do not count. */
export function kendallTau(expected: ArrayLike<number>, actual: ArrayLike<number>, tie: number): number {
  let agreement = 0;
  let compared = 0;
  for (let i = 0; i < expected.length; i += 1) {
    for (let j = 0; j < i; j += 1) {
      const distance = expected[i]! - expected[j]!;
      if (Math.abs(distance) <= tie) continue;
      compared += 1;
      agreement += Math.sign(distance * (actual[i]! - actual[j]!));
    }
  }
  return compared === 0 ? 1 : agreement / compared;
}

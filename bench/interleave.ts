// Runs alternatives side by side: each round measures every one, so that what changes on the machine changes for all.

export interface RoundLimits {
  readonly minRounds: number;
  readonly maxRounds: number;
  /** No further round is begun that would end after this, once there are minRounds. */
  readonly budgetMs: number;
}

/**
 * Measures every alternative once a round, in an order that rotates.
 *
 * @param alternatives name -> one measurement
 * @returns name -> its measurements, one a round
 */
export async function interleave<T>(
  alternatives: Readonly<Record<string, () => Promise<T>>>,
  { minRounds, maxRounds, budgetMs }: RoundLimits,
): Promise<Record<string, T[]>> {
  const names = Object.keys(alternatives);
  const measured: Record<string, T[]> = Object.fromEntries(names.map((name) => [name, []]));
  const started = performance.now();
  for (let round = 0; round < maxRounds; round += 1) {
    const elapsedMs = performance.now() - started;
    if (round >= minRounds && (elapsedMs * (round + 1)) / round > budgetMs) break;
    for (let i = 0; i < names.length; i += 1) {
      const name = names[(i + round) % names.length]!;
      measured[name]!.push(await alternatives[name]!());
    }
  }
  return measured;
}

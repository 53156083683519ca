// Whether two systems did the same work: the same score for every document, in an order those scores allow. Pure.

/** Entries in the order a system ranked them. */
export type Ranking = readonly (readonly [document: number, score: number])[];

/** Largest accepted difference of a score. */
export const TOLERANCE = 1e-4;

/**
 * Compares a peer's ranking with ours.
 *
 * Documents whose scores lie within the tolerance of each other may change places, others may not.
 *
 * @returns the largest difference of a score
 * @throws Error naming the first document that is missing, scored differently or out of order
 */
export function agreement(ours: Ranking, theirs: Ranking, tolerance = TOLERANCE): number {
  if (ours.length !== theirs.length) throw new Error(`${theirs.length} documents ranked instead of ${ours.length}`);
  const expected = new Map(ours);
  let largest = 0;
  let above = Number.POSITIVE_INFINITY;
  for (const [document, score] of theirs) {
    const own = expected.get(document);
    if (own === undefined) throw new Error(`document ${document} is unknown or ranked twice`);
    expected.delete(document);
    const difference = Math.abs(score - own);
    if (!(difference <= tolerance)) throw new Error(`document ${document}: score ${score} instead of ${own}`);
    if (own > above + 2 * tolerance) throw new Error(`document ${document} is ranked too low`);
    largest = Math.max(largest, difference);
    above = own;
  }
  return largest;
}

/** The same for several calls. @returns the largest difference of a score @throws Error naming the system */
export function largestDisagreement(name: string, ours: readonly Ranking[], theirs: readonly Ranking[]): number {
  try {
    return Math.max(...theirs.map((ranking, call) => agreement(ours[call]!, ranking)));
  } catch (error) {
    throw new Error(`${name} does other work than crossrank: ${(error as Error).message}`, { cause: error });
  }
}

/** Highest less lowest score. Beside the tolerance it shows what agreement is worth: equal scores would agree with anything. */
export function spread(ranking: Ranking): number {
  const scores = ranking.map(([, score]) => score);
  return Math.max(...scores) - Math.min(...scores);
}

// Finds the name a caller probably meant; used by config and by the strict native dialect. Pure, any layer may import it.

const MAX_EDITS = 3;

/**
 * The candidate with the fewest edits to `name`, or null when none is near.
 * Near means at most three edits, and at most half of the longer name. Case does not count.
 */
export function nearestName(name: string, candidates: readonly string[]): string | null {
  let best: string | null = null;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const allowed = Math.min(MAX_EDITS, Math.floor(Math.max(name.length, candidate.length) / 2));
    if (Math.abs(name.length - candidate.length) > allowed) continue; // also keeps hostile, very long names cheap
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance <= allowed && distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `; did you mean X?`, or nothing. `decorate` makes the name look as the caller writes it. */
export function didYouMean(
  name: string,
  candidates: readonly string[],
  decorate: (name: string) => string = (text) => `'${text}'`,
): string {
  const nearest = nearestName(name, candidates);
  return nearest === null ? '' : `; did you mean ${decorate(nearest)}?`;
}

/** Levenshtein distance with one row of memory. */
function editDistance(left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const substitution = previous[column - 1]! + (left[row - 1] === right[column - 1] ? 0 : 1);
      current.push(Math.min(substitution, previous[column]! + 1, current[column - 1]! + 1));
    }
    previous = current;
  }
  return previous[right.length]!;
}

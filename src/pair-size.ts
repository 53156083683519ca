// Pure: how long a pair may be, and what its length costs; the same for the price of a call, the pool and the workers.

/**
 * Tokens a pair may have, special tokens included.
 *
 * The reference subtracts the special tokens from the limit without a check, so that a limit below them wraps around
 * and cuts nothing. We give the same ids as long as the model's own limit, which is never exceeded, allows them.
 *
 * @param modelMax      the model's own limit
 * @param wanted        what the call asks for; null for nothing
 * @param specialTokens tokens a pair has beyond those of its texts
 */
export function pairLimit(modelMax: number, wanted: number | null, specialTokens: number): number {
  const limit = Math.min(modelMax, wanted ?? modelMax);
  return limit >= specialTokens ? limit : modelMax;
}

/**
 * Cost units of a pair: its tokens, plus attention's quadratic part in proportion (per layer 24 h^2 + 4 L h operations
 * a token).
 * A whole number: costs are added when work comes and taken off when it is done, and with fractions nothing waiting
 * would not be 0.
 *
 * @param tokens     of the pair, special tokens included
 * @param hiddenSize h of the model
 */
export function pairCost(tokens: number, hiddenSize: number): number {
  return Math.round(tokens * (1 + tokens / (6 * hiddenSize)));
}

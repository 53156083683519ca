// Estimated work of a pair, from characters alone: the main thread has no tokenizer.

/** Characters of alphabetic text a token covers on average; scripts written without spaces have about one token a character. */
const CHARACTERS_PER_TOKEN = 4;

/** First code unit of the scripts counted one token a character: CJK radicals, kana, hangul, ideographs. */
const DENSE_FROM = 0x2e80;

/**
 * Estimated tokens of a text, at most limit. Stops reading when the limit is reached, so a 10 MB document costs no more than a long one.
 * The pool's measured speed is in the same estimate, so a steady bias cancels out.
 */
export function estimateTokens(text: string, limit: number): number {
  let tokens = 1;
  for (let i = 0; i < text.length && tokens < limit; i += 1) {
    tokens += text.charCodeAt(i) >= DENSE_FROM ? 1 : 1 / CHARACTERS_PER_TOKEN;
  }
  return Math.min(Math.ceil(tokens), limit);
}

/**
 * Cost units of a pair: its tokens, plus attention's quadratic part in proportion (per layer 24 h^2 + 4 L h operations a token).
 *
 * @param tokens     of the pair, special tokens included
 * @param hiddenSize h of the model
 */
export function pairCost(tokens: number, hiddenSize: number): number {
  return tokens * (1 + tokens / (6 * hiddenSize));
}

// What the vendors' contracts have in common: the scale of scores, paths, ranked items, status overrides.

import { z } from 'zod';
import { ERROR_STATUS, type ErrorCode, type RerankError } from '../../../errors.ts';
import { DEFAULT_SCORING, type RankedDocument, type ScoringOptions } from '../../../rerank/types.ts';

/** Every path on which some vendor's client asks for a ranking. */
export const RERANK_PATHS = ['/rerank', '/reranking', '/v1/rerank', '/v1/reranking', '/v2/rerank'] as const;

/**
 * Vendors promise scores of 0..1, whatever activation the model names. A sigmoid saturates: where two scores are equal in float32
 * the logits still tell them apart.
 *
 * @param raw the caller asked for logits
 */
export function vendorScoring(raw: boolean): ScoringOptions {
  return { ...DEFAULT_SCORING, activation: raw ? 'identity' : 'sigmoid', tieBreak: 'logit' };
}

export const rankedItem = { index: z.int().min(0), relevance_score: z.number() };

export const usageSchema = z.strictObject({ prompt_tokens: z.int(), total_tokens: z.int() });

/** Ranked items with their documents: `document` gives what the contract puts there, for contracts that return none leave it out. */
export function rankedItems(
  results: readonly RankedDocument[],
  document?: ((index: number) => unknown) | null,
): { readonly index: number; readonly relevance_score: number; readonly document?: unknown }[] {
  return results.map(({ index, score }) => ({
    index,
    relevance_score: score,
    ...(document && { document: document(index) }),
  }));
}

/** Tokens of a call in OpenAI's form; nothing is generated, so both are the same. */
export function usage(totalTokens: number): z.infer<typeof usageSchema> {
  return { prompt_tokens: totalTokens, total_tokens: totalTokens };
}

/** Now, as `created` fields have it. */
export function unixSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

/** Codes a contract answers with another status than the table's. */
export type StatusOverrides = Readonly<Partial<Record<ErrorCode, number>>>;

/** What is wrong with a body is 400 in most contracts. */
export const BAD_REQUEST: StatusOverrides = { validation: 400, too_many_documents: 400, not_a_reranker: 400 };

/** The status of an error in a contract. */
export function statusIn(overrides: StatusOverrides, { code }: RerankError): number {
  return overrides[code] ?? ERROR_STATUS[code];
}

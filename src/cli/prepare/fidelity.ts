// Pure: how much a quantised model's scores and rankings differ from the float32 ones.

/** One query's documents, scored by both. */
export interface ScoredQuery {
  readonly reference: Float32Array;
  readonly candidate: Float32Array;
  /** Which documents are relevant; null when the file does not say. */
  readonly relevant: readonly boolean[] | null;
}

/** Scores are after the activation. */
export interface Fidelity {
  readonly queries: number;
  readonly pairs: number;
  readonly largest_score_change: number;
  readonly mean_score_change: number;
  /** Mean over the queries with two different reference scores at least, -1..1; null without such a query. */
  readonly kendall_tau: number | null;
  /** Share of queries whose first document is the same. */
  readonly top1_agreement: number;
  /** Over the queries that name a relevant document; null when none does. */
  readonly mrr_at_10: { readonly queries: number; readonly float32: number; readonly candidate: number } | null;
}

const MRR_DEPTH = 10;

/** Adds up over queries; keeps sums only, so a file of any length can be compared. */
export class FidelitySum {
  #queries = 0;
  #pairs = 0;
  #largest = 0;
  #changes = 0;
  #tau = { sum: 0, queries: 0 };
  #sameFirst = 0;
  #mrr = { reference: 0, candidate: 0, queries: 0 };

  /** @param query with at least one document */
  add({ reference, candidate, relevant }: ScoredQuery): void {
    this.#queries += 1;
    this.#pairs += reference.length;
    reference.forEach((score, i) => {
      const change = Math.abs(candidate[i]! - score);
      this.#changes += change;
      this.#largest = Math.max(this.#largest, change);
    });
    const tau = kendallTau(reference, candidate);
    if (tau !== null) this.#tau = { sum: this.#tau.sum + tau, queries: this.#tau.queries + 1 };
    const [ranks, candidateRanks] = [ranking(reference), ranking(candidate)];
    if (ranks[0] === candidateRanks[0]) this.#sameFirst += 1;
    if (relevant?.includes(true)) this.#addReciprocalRanks(ranks, candidateRanks, relevant);
  }

  result(): Fidelity {
    const { reference, candidate, queries } = this.#mrr;
    return {
      queries: this.#queries,
      pairs: this.#pairs,
      largest_score_change: this.#largest,
      mean_score_change: this.#changes / Math.max(1, this.#pairs),
      kendall_tau: this.#tau.queries === 0 ? null : this.#tau.sum / this.#tau.queries,
      top1_agreement: this.#sameFirst / Math.max(1, this.#queries),
      mrr_at_10: queries === 0 ? null : { queries, float32: reference / queries, candidate: candidate / queries },
    };
  }

  #addReciprocalRanks(ranks: readonly number[], candidateRanks: readonly number[], relevant: readonly boolean[]): void {
    this.#mrr.queries += 1;
    this.#mrr.reference += reciprocalRank(ranks, relevant);
    this.#mrr.candidate += reciprocalRank(candidateRanks, relevant);
  }
}

/**
 * Kendall's tau-b of two scorings of the same documents: ties in either count for neither side.
 *
 * @returns null when one of them gives all documents the same score
 * @see Kendall, The treatment of ties in ranking problems, Biometrika 33 (1945)
 */
export function kendallTau(a: Float32Array, b: Float32Array): number | null {
  let agreement = 0;
  let untiedA = 0;
  let untiedB = 0;
  for (let i = 0; i < a.length; i += 1) {
    for (let j = i + 1; j < a.length; j += 1) {
      const inA = Math.sign(a[i]! - a[j]!);
      const inB = Math.sign(b[i]! - b[j]!);
      agreement += inA * inB;
      untiedA += Math.abs(inA);
      untiedB += Math.abs(inB);
    }
  }
  return untiedA === 0 || untiedB === 0 ? null : agreement / Math.sqrt(untiedA * untiedB);
}

/** Document indices, best first; ties by index, as `rank` has them. */
function ranking(scores: Float32Array): number[] {
  return Array.from(scores.keys()).sort((i, j) => scores[j]! - scores[i]! || i - j);
}

function reciprocalRank(ranks: readonly number[], relevant: readonly boolean[]): number {
  const place = ranks.slice(0, MRR_DEPTH).findIndex((document) => relevant[document] === true);
  return place === -1 ? 0 : 1 / (place + 1);
}

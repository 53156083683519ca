// Ranking metrics. A candidate is relevant when its grade is above 0.

/** One query of a development set. */
export interface QualityQuery {
  readonly qid: string;
  readonly query: string;
  readonly candidates: readonly { readonly id: string; readonly text: string; readonly rel: number }[];
}

export interface Metrics {
  readonly mrr: number;
  readonly ndcg: number;
  /** Share of queries whose first candidate is relevant. */
  readonly top1: number;
}

const CUT_OFF = 10;

/** Metrics of one ranking. @param grades relevance grades in ranked order */
export function metricsOf(grades: readonly number[]): Metrics {
  const first = grades.slice(0, CUT_OFF).findIndex((grade) => grade > 0);
  const ideal = gain([...grades].sort((a, b) => b - a));
  return {
    mrr: first === -1 ? 0 : 1 / (first + 1),
    ndcg: ideal === 0 ? 0 : gain(grades) / ideal,
    top1: (grades[0] ?? 0) > 0 ? 1 : 0,
  };
}

/** Mean over queries. */
export function meanMetrics(all: readonly Metrics[]): Metrics {
  const mean = (key: keyof Metrics): number => all.reduce((sum, each) => sum + each[key], 0) / all.length;
  return { mrr: mean('mrr'), ndcg: mean('ndcg'), top1: mean('top1') };
}

/** Grades in the order of descending scores; equal scores keep the stored order. */
export function ranked(query: QualityQuery, scores: ArrayLike<number>): number[] {
  const order = query.candidates.map((_, index) => index).sort((a, b) => scores[b]! - scores[a]! || a - b);
  return order.map((index) => query.candidates[index]!.rel);
}

/** Expected metrics of a random order: the mean over every place the single relevant candidate can take. */
export function randomOrder({ candidates }: QualityQuery): Metrics {
  const relevant = candidates.filter(({ rel }) => rel > 0).length;
  if (relevant !== 1) throw new Error(`random order is exact for one relevant candidate, this query has ${relevant}`);
  const places = candidates.map((_, place) => metricsOf(candidates.map((_candidate, index) => (index === place ? 1 : 0))));
  return meanMetrics(places);
}

/** DCG with gain 2^grade - 1 and discount log2(place + 1). */
function gain(grades: readonly number[]): number {
  return grades.slice(0, CUT_OFF).reduce((sum, grade, place) => sum + (2 ** grade - 1) / Math.log2(place + 2), 0);
}

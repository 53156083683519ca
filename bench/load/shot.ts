// A request made ahead and what is known of its answer. Plain data: it travels to the generator's process.

/** One request of a load, sent as often as its turn comes. */
export interface Shot {
  /** Class in the summaries: `small`, `large`. */
  readonly label: string;
  readonly method?: 'GET' | 'POST';
  readonly path: string;
  /** Sent as it is; empty for none. */
  readonly body: string;
  /** Beside Content-Type and Content-Length. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Documents in it: the unit of work. */
  readonly documents: number;
  readonly expect: Expectation;
  /** The caller closes the connection after this long, answer or not. */
  readonly leaveAfterMs?: number;
}

/** What makes an answer right; every part that is there must hold. */
export interface Expectation {
  readonly status: number;
  /** Score of each document by its index: all of them must come back, in order of score, within {@link SCORE_TOLERANCE}. */
  readonly scores?: readonly number[];
}

/** Other pairs in a run change the last bits of a float32 score, nothing more. */
export const SCORE_TOLERANCE = 1e-4;

interface Ranked {
  readonly index: number;
  readonly score: number;
}

/** Whether the answer is the one expected. @param body as received */
export function isRight({ status, scores }: Expectation, answered: number, body: string): boolean {
  if (answered !== status) return false;
  if (scores === undefined) return true;
  const ranked = readRanking(body);
  if (ranked === null || ranked.length !== scores.length) return false;
  const seen = new Set(ranked.map(({ index }) => index));
  if (seen.size !== scores.length) return false;
  return ranked.every(
    ({ index, score }, place) =>
      Math.abs(score - (scores[index] ?? Number.NaN)) <= SCORE_TOLERANCE && (place === 0 || score <= ranked[place - 1]!.score),
  );
}

/** Scores by index of a ranking in any of the dialects the loads use; null when it is none. */
export function readScores(body: string): number[] | null {
  const ranked = readRanking(body);
  if (ranked === null) return null;
  const scores = new Array<number>(ranked.length).fill(Number.NaN);
  for (const { index, score } of ranked) scores[index] = score;
  return scores.length === ranked.length && scores.every(Number.isFinite) ? scores : null;
}

/** `{results: [...]}` or `{data: [...]}` or a bare array, of `corpus_id` or `index` and `score` or `relevance_score`. */
function readRanking(body: string): Ranked[] | null {
  let answer: unknown;
  try {
    answer = JSON.parse(body);
  } catch {
    return null;
  }
  const { results, data } = Object(answer) as { readonly results?: unknown; readonly data?: unknown };
  const list = [answer, results, data].find(Array.isArray) as readonly Readonly<Record<string, unknown>>[] | undefined;
  if (list === undefined) return null;
  return list.map((entry) => ({
    index: Number(entry['corpus_id'] ?? entry['index']),
    score: Number(entry['relevance_score'] ?? entry['score']),
  }));
}

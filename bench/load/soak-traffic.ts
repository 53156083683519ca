// The mixed traffic of the soak: sizes, dialects, mistakes, and callers who leave. What is repeated is drawn more often.

import { type CorpusRequest, makeCorpus } from '../corpus.ts';
import type { BenchModel } from '../models/bench-models.ts';
import type { Shot } from './shot.ts';
import { withScores } from './shots.ts';

/** Limits the server is started with, so that the mistakes are mistakes. */
export const SOAK_LIMITS = { payloadBytes: 2_000_000, documents: 2_000 } as const;

const DOCUMENTS = { small: 5, medium: 80, large: 1_000 } as const;

/** How often each class is listed; `large` is more than half of the work all the same. */
const WEIGHTS = { small: 60, medium: 6, large: 1, leaving: 3, mistakes: 2 } as const;

/** Path and body of one request in each dialect. */
const DIALECTS: readonly ((request: CorpusRequest) => readonly [path: string, body: object])[] = [
  ({ query, documents }) => ['/rank', { query, documents }],
  ({ query, documents }) => ['/cohere/v2/rerank', { model: 'any', query, documents }],
  ({ query, documents }) => ['/jina/v1/rerank', { model: 'any', query, documents, return_documents: false }],
  ({ query, documents }) => ['/voyage/v1/rerank', { model: 'any', query, documents }],
  ({ query, documents }) => ['/tei/rerank', { query, texts: documents }],
  ({ query, documents }) => ['/vllm/v1/rerank', { model: 'any', query, documents }],
];

/** @param url an idle server, which tells the right scores */
export async function soakTraffic(url: string, model: BenchModel): Promise<Shot[]> {
  const small = await withScores(url, inDialects(model, 'small', 24, DIALECTS.length));
  const medium = await withScores(url, inDialects(model, 'medium', 12, DIALECTS.length));
  const large = await withScores(url, inDialects(model, 'large', 2, 1));
  const leaving = medium.map((shot, index) => ({ ...shot, label: 'leaving', leaveAfterMs: 5 + 10 * index }));
  const groups = [
    [small, WEIGHTS.small],
    [medium, WEIGHTS.medium],
    [large, WEIGHTS.large],
    [leaving, WEIGHTS.leaving],
    [mistakes(model), WEIGHTS.mistakes],
  ] as const;
  return groups.flatMap(([shots, weight]) => drawnAs(shots, weight));
}

/** Those of whole answers: what the capacity is measured with. */
export function wholesome(traffic: readonly Shot[]): Shot[] {
  return traffic.filter(({ label }) => label === 'small' || label === 'medium');
}

/** Length of the list, per unit of weight: a common multiple of the groups' sizes, so that every shot of a group is as likely. */
const PLACES = 72;

function drawnAs(shots: readonly Shot[], weight: number): Shot[] {
  return Array.from({ length: PLACES * weight }, (_, index) => shots[index % shots.length]!);
}

function inDialects({ texts }: BenchModel, label: keyof typeof DOCUMENTS, requests: number, dialects: number): Shot[] {
  const corpus = makeCorpus({ requests, documents: DOCUMENTS[label], ...texts, seed: `soak ${label}` });
  return corpus.map((request, index) => {
    const [path, body] = DIALECTS[index % dialects]!(request);
    return { label, path, body: JSON.stringify(body), documents: DOCUMENTS[label], expect: { status: 200 } };
  });
}

/** What clumsy and hostile callers send, with the status it must get. */
export function mistakes({ texts }: Pick<BenchModel, 'texts'>): Shot[] {
  const [request] = makeCorpus({ requests: 1, documents: 2, ...texts, seed: 'soak mistakes' });
  const good = JSON.stringify(request);
  const many = JSON.stringify({ query: 'q', documents: new Array(SOAK_LIMITS.documents + 1).fill('d') });
  const mistake = (status: number, shot: Partial<Shot>): Shot => ({
    label: 'mistake',
    path: '/rank',
    body: good,
    documents: 0,
    expect: { status },
    ...shot,
  });
  return [
    mistake(400, { body: good.slice(0, -10) }),
    mistake(400, { body: 'null bytes \u0000 and no JSON' }),
    mistake(422, { body: '{"query":1,"documents":{}}' }),
    mistake(422, { body: '{"query":"q","documents":["a"],"surprise":true}' }),
    mistake(415, { headers: { 'content-type': 'text/plain' } }),
    mistake(404, { path: '/no/such/path' }),
    mistake(405, { method: 'GET', body: '' }),
    mistake(413, { body: many }),
    mistake(413, { body: `{"query":"q","documents":["${'x'.repeat(SOAK_LIMITS.payloadBytes)}"]}` }),
  ];
}

// Requests of the loads with the scores they must get: those the server itself gives while nothing else asks it.

import { type CorpusOptions, type CorpusRequest, makeCorpus } from '../corpus.ts';
import type { BenchModel } from '../models/bench-models.ts';
import { openTarget, send, type Target } from './send.ts';
import { readScores, type Shot } from './shot.ts';

export interface ShotOptions {
  readonly label: string;
  readonly requests: number;
  readonly documents: CorpusOptions['documents'];
}

/** Rank requests of the native dialect, without expected scores. */
export function rankShots({ texts }: BenchModel, { label, requests, documents }: ShotOptions): Shot[] {
  return makeCorpus({ requests, documents, ...texts, seed: `load ${label}` }).map((request) => rankShot(label, request));
}

export function rankShot(label: string, { query, documents }: CorpusRequest): Shot {
  const body = JSON.stringify({ query, documents });
  return { label, path: '/rank', body, documents: documents.length, expect: { status: 200 } };
}

const ASK_TIMEOUT_MS = 300_000;

/** On a machine that others use, too, even the only request may miss its deadline. */
const TRIES = 5;

/** Until a server has scored a little it may take itself for slow, and refuse what is large. */
const WARM_SHOT: Shot = {
  label: 'warm',
  path: '/rank',
  body: JSON.stringify({ query: 'warm', documents: ['one', 'two', 'three', 'four', 'five'] }),
  documents: 5,
  expect: { status: 200 },
};
const WARM_SHOTS = 20;

/** Asks the server for each, one after another. @throws Error when one is not ranked */
export async function withScores(url: string, shots: readonly Shot[]): Promise<Shot[]> {
  const target = openTarget(url, 1, ASK_TIMEOUT_MS);
  const known: Shot[] = [];
  try {
    for (let i = 0; i < WARM_SHOTS; i += 1) await send(target, WARM_SHOT);
    for (const shot of shots) known.push({ ...shot, expect: { status: 200, scores: await askScores(target, shot) } });
  } finally {
    target.agent.destroy();
  }
  return known;
}

async function askScores(target: Target, shot: Shot): Promise<readonly number[]> {
  for (let attempt = 1; ; attempt += 1) {
    const { status, error, body } = await send(target, shot);
    const scores = readScores(body);
    if (scores !== null) return scores;
    if (attempt === TRIES) throw new Error(`${shot.label}: ${shot.path} answered ${status ?? error}: ${body.slice(0, 200)}`);
  }
}

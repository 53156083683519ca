// Structure that grows, sent to a real server of each kind of tokenizer: every answer is a ranking or a clear refusal, others are served
// all the while, and memory stays bounded. GROWING_SEED and GROWING_RUNS (bodies a tokenizer) choose another run.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { seedOf, uniform } from '../../bench/random.ts';
import { DIALECTS } from '../../src/http/dialects/dialect-list.ts';
import { repoRoot } from '../helpers/paths.ts';
import { answererOf, type Target, targetsOf } from '../http/fuzz/targets.ts';
import { growingBody, growingBytes } from './growing-bodies.ts';
import { type Answered, ServerUnderAttack } from './server-under-attack.ts';

const SEED = Number(process.env.GROWING_SEED ?? 15);
const RUNS = Number(process.env.GROWING_RUNS ?? 60);

/** Bytes before compression; what one body of this size may cost is in docs/security.md. */
const LARGEST_BYTES = 4_000_000;
const MOST_RESIDENT_BYTES = 1.5 * 2 ** 30;

const MODELS = { WordPiece: 'bert', 'byte-level BPE': 'roberta', Unigram: 'xlmr' } as const;

for (const [tokenizer, model] of Object.entries(MODELS)) {
  test(`${tokenizer}: ${RUNS} bodies that grow, seed ${SEED}`, async (t) => {
    const modelDirectory = join(repoRoot, 'test/oracle/fixtures/models', model);
    const server = await ServerUnderAttack.start(t, [], { modelDirectory });
    const dice = uniform(SEED + seedOf(model));
    const targets = DIALECTS.flatMap(targetsOf).filter(({ route }) => route.examples.length > 0);
    const statuses = new Map<number, number>();
    await server.endure(async () => {
      for (let shot = 0; shot < RUNS; shot += 1) {
        const target = targets[Math.floor(dice() * targets.length)]!;
        const examples = target.route.examples;
        const example = examples[Math.floor(dice() * examples.length)]!;
        const text = growingBody(dice, example, growingBytes(dice, LARGEST_BYTES));
        const answer = await server.postGzipped(target.path, text);
        judge(answer, target, text, `shot ${shot}`);
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      }
    });
    t.diagnostic(`answers: ${JSON.stringify(Object.fromEntries(statuses))}`);
    assert.ok(server.peakBytes() < MOST_RESIDENT_BYTES, `${server.peakBytes()} bytes resident at most`);
  });
}

/** 200 in the route's form, or 4xx in the form of a dialect that could have been meant. */
function judge({ status, headers, text }: Answered, target: Target, sent: string, shot: string): void {
  const shown = `${shot}: ${target.path} ${status} ${sent.length} ${sent.slice(0, 200)} -> ${text.slice(0, 300)}`;
  assert.ok(status === 200 || (status >= 400 && status < 500), shown);
  assert.match(headers.get('content-type') ?? '', /^application\/json/, shown);
  // A body refused before it is understood has its path's wording, so whoever could answer there is asked.
  const answerers = [...answererOf(target, undefined, status), ...answererOf(target, sent, status)];
  const answer: unknown = JSON.parse(text);
  const fits = answerers.some(
    ({ dialect, route }) => (status === 200 ? route.answerSchema : dialect.errorSchema).safeParse(answer).success,
  );
  assert.ok(fits, shown);
  assert.ok(status === 200 || text.length < 2000, `an error repeats little of what was sent: ${shown}`);
}

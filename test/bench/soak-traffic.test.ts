import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fire } from '../../bench/load/open-loop.ts';
import { openTarget } from '../../bench/load/send.ts';
import { mistakes, SOAK_LIMITS } from '../../bench/load/soak-traffic.ts';
import { startTestServer } from '../http/support.ts';

test('every mistake of the soak gets the status it expects, and a whole answer over a connection that may be kept', async (test) => {
  const flags = {
    'payload-limit': String(SOAK_LIMITS.payloadBytes),
    'max-client-batch-size': String(SOAK_LIMITS.documents),
  };
  const { url } = await startTestServer(test, { flags });
  const target = openTarget(url, 1, 10_000);
  test.after(() => target.agent.destroy());
  const shots = mistakes({ texts: { words: ['bear', 'cat'], style: 'words' } });
  assert.deepEqual([...new Set(shots.map(({ expect }) => expect.status))].sort(), [400, 404, 405, 413, 415, 422]);
  for (let round = 0; round < 3; round += 1) {
    for (const shot of shots) {
      const { status, error, right } = await fire(target, shot, 0, () => 0);
      assert.ok(right, `${shot.body.slice(0, 40)}: ${status ?? error} instead of ${shot.expect.status}`);
    }
  }
});

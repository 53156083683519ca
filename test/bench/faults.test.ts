// The faults without an engine: how requests are counted, and how the proxy's figures are read.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { knownRequests, SIZES } from '../../bench/faults/bodies.ts';
import { backendFigures } from '../../bench/faults/proxy-figures.ts';
import { count } from '../../bench/faults/run-scenario.ts';
import type { LoadRecord } from '../../bench/load/open-loop.ts';

function record(scheduledMs: number, endedMs: number, status: number | null, right = status === 200): LoadRecord {
  return {
    label: 'small',
    documents: 1,
    scheduledMs,
    startedMs: scheduledMs,
    endedMs,
    status,
    error: status === null ? 'ECONNRESET' : null,
    retryAfter: false,
    queueMs: null,
    reusedSocket: false,
    right,
  };
}

suite('faults', () => {
  test('a request counts as during when any moment of it was', () => {
    const records = [
      record(0, 90, 200),
      record(50, 150, 200),
      record(150, 160, 200),
      record(190, 300, 200),
      record(201, 210, 200),
    ];
    const counted = count(records, { fromMs: 100, toMs: 200 });
    assert.deepEqual(
      counted.map(({ phase, requests }) => [phase, requests]),
      [
        ['before', 1],
        ['during', 3],
        ['after', 1],
      ],
    );
  });

  test('429 is refused; 503, a broken connection and a wrong ranking are lost', () => {
    const records = [record(0, 10, 200), record(0, 20, 429), record(0, 30, 503), record(0, 40, null), record(0, 50, 200, false)];
    const [before] = count(records, { fromMs: 100, toMs: 200 });
    assert.deepEqual(before, { phase: 'before', size: 'small', requests: 5, right: 1, refused: 1, lost: 3, longest_ms: 50 });
  });

  test('replicas serve when they are up and have passed a check', () => {
    const text = [
      'HTTP/1.0 200 OK',
      '',
      '# pxname,svname,status,wretr,wredis,check_status,',
      'callers,FRONTEND,OPEN,,,,',
      'replicas,replica1,UP,1,0,L7OK,',
      'replicas,replica2,UP,0,0,INI,',
      'replicas,replica3,UP 1/2,0,0,L7OK,',
      'replicas,replica4,MAINT (resolution),0,0,L7OK,',
      'replicas,BACKEND,UP,3,4,,',
    ].join('\r\n');
    assert.deepEqual(backendFigures(text), { serving: ['replica1', 'replica3'], sentAgain: 7 });
    assert.throws(() => backendFigures('HTTP/1.0 503 Service Unavailable\r\n\r\n'), /no figures of replicas/);
  });

  test('the known requests have the sizes they are named for, and scores that tell documents apart', async () => {
    const known = await knownRequests();
    assert.deepEqual(
      SIZES.map((size) => Math.round(known[size].body.length / 1000)),
      [1, 200, 5000],
    );
    for (const size of SIZES) {
      const { scores = [] } = known[size].expect;
      assert.equal(scores.length, known[size].documents);
      assert.equal(new Set(scores).size, scores.length, size);
    }
  });
});

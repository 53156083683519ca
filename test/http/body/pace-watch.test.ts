import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PaceWatch } from '../../../src/http/body/pace-watch.ts';

function body(bytesALook: number) {
  const state = { bytes: 0, cuts: 0 };
  return Object.assign(state, {
    comes() {
      state.bytes += bytesALook;
    },
    body: {
      bytes: () => state.bytes,
      cut: () => {
        state.cuts += 1;
      },
    },
  });
}

test('while room is short a body that comes too slowly is cut after four looks, one at the pace is not', () => {
  let crowded = false;
  const watch = new PaceWatch(() => crowded);
  const [slow, steady] = [body(256 * 1024 - 1), body(256 * 1024)];
  const stops = [slow, steady].map((each) => watch.watch(each.body));
  const look = (times: number) => {
    for (let i = 0; i < times; i += 1) {
      slow.comes();
      steady.comes();
      watch.look();
    }
  };
  look(8);
  assert.deepEqual([slow.cuts, steady.cuts], [0, 0], 'nobody is kept out');
  crowded = true;
  look(3);
  assert.equal(slow.cuts, 0);
  look(1);
  assert.deepEqual([slow.cuts, steady.cuts], [1, 0]);
  for (const stop of stops) stop();
  look(8);
  assert.equal(slow.cuts, 1, 'forgotten');
});

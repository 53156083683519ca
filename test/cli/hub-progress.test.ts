// A download as a person sees it: a bar on a terminal, lines elsewhere, nothing when quiet.

import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { byteText } from '../../src/cli/byte-text.ts';
import { createConsole } from '../../src/cli/console.ts';
import { HubProgress } from '../../src/cli/hub-progress.ts';
import type { HubEvent } from '../../src/model/hub/hub-settings.ts';

const MEBIBYTE = 2 ** 20;
const EVENTS: readonly HubEvent[] = [
  { kind: 'chosen', onnxFile: 'model.onnx', others: ['onnx/a.onnx', 'onnx/b.onnx'] },
  { kind: 'downloading', id: 'a/b', commit: 'c', files: ['model.onnx'], bytes: 40 * MEBIBYTE },
  { kind: 'progress', doneBytes: 10 * MEBIBYTE, totalBytes: 40 * MEBIBYTE },
  { kind: 'retry', reason: 'cut', waitMs: 5 },
  { kind: 'progress', doneBytes: 40 * MEBIBYTE, totalBytes: 40 * MEBIBYTE },
  { kind: 'downloaded', directory: '/d', bytes: 40 * MEBIBYTE, elapsedMs: 7.4 },
];

/** Progress on a stream that remembers. */
function recorded({ terminal = false, quiet = false }): { readonly progress: HubProgress; readonly text: () => string } {
  const chunks: string[] = [];
  const stream = new Writable({
    write(chunk, _, done) {
      chunks.push(String(chunk));
      done();
    },
  });
  Object.assign(stream, { isTTY: terminal });
  const progress = new HubProgress({ logger: createConsole({ quiet, stream }), stream: stream as NodeJS.WriteStream, quiet });
  return { progress, text: () => chunks.join('') };
}

function shown(events: readonly HubEvent[], how: { terminal?: boolean; quiet?: boolean } = {}): string {
  const { progress, text } = recorded(how);
  for (const event of events) progress.show(event);
  progress.end();
  return text();
}

test('lines where there is no terminal', () => {
  assert.equal(
    shown(EVENTS),
    [
      'crossrank: the repository has several ONNX files; name another with --onnx-file onnx_file=model.onnx others=onnx/a.onnx,onnx/b.onnx',
      'crossrank: downloading model=a/b revision=c files=1 bytes=41943040',
      'crossrank: warning: the download is tried again reason=cut wait_ms=5',
      'crossrank: downloaded directory=/d bytes=41943040 ms=7',
      '',
    ].join('\n'),
  );
});

test('a sign of life every tenth, but not every moment', async () => {
  const at = (share: number): HubEvent => ({ kind: 'progress', doneBytes: share * 100, totalBytes: 100 });
  const { progress, text } = recorded({});
  progress.show({ kind: 'downloading', id: 'a/b', commit: 'c', files: ['x'], bytes: 100 });
  progress.show(at(0.5));
  await new Promise((resolve) => setTimeout(resolve, 1050));
  for (const share of [0.05, 0.6, 0.7]) progress.show(at(share));
  assert.equal(text().split('\n').slice(1).join('\n'), 'crossrank: downloading percent=60 bytes=60 of=100\n');
});

test('a bar on a terminal, taken away for lines and drawn again', () => {
  const text = shown(EVENTS, { terminal: true });
  assert.match(text, /\rdownloading, MiB +25%\|█+ +\| 10\/40 \[/);
  assert.match(text, /\u001b\[Kcrossrank: warning: the download is tried again/);
  assert.match(text, /downloading, MiB 100%\|█+\| 40\/40 /);
});

test('quiet: nothing at all', () => {
  assert.equal(shown(EVENTS, { quiet: true }), '');
  assert.equal(shown(EVENTS, { quiet: true, terminal: true }), '');
});

test('sizes', () => {
  assert.deepEqual([0, 1023, 1024, 1.5 * MEBIBYTE, 2 ** 31, 2 ** 41].map(byteText), [
    '0 B',
    '1023 B',
    '1.0 KiB',
    '1.5 MiB',
    '2.00 GiB',
    '2.00 TiB',
  ]);
});

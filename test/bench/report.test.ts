import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atLeast, atMost } from '../../bench/part.ts';
import { renderChart } from '../../bench/report/chart.ts';
import { renderTable } from '../../bench/report/table.ts';

test('a chart draws a bar a value, in proportion, with its label and number', () => {
  const svg = renderChart({
    name: 'chart',
    title: 'Pairs & <speed>',
    subtitle: 'machine',
    panels: [
      {
        title: 'Model',
        unit: 'pairs/s',
        bars: [
          { label: 'padded', value: 10 },
          { label: 'ours', value: 40, accent: true, note: '4.00x' },
        ],
      },
    ],
  });
  assert.match(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
  assert.ok(svg.includes('Pairs &amp; &lt;speed&gt;') && svg.includes('40  (4.00x)'));
  const widths = [...svg.matchAll(/<rect x="[\d.]+" y="[\d.]+" width="([\d.]+)"/g)].map(([, width]) => Number(width));
  assert.equal(widths.length, 2);
  assert.ok(Math.abs(widths[1]! / widths[0]! - 4) < 0.01);
});

test('a line chart places its points in proportion from zero, and draws the level that is wanted', () => {
  const points = [
    [0, 10],
    [50, 20],
    [100, Number.NaN],
    [100, 40],
  ] as const;
  const panel = {
    title: 'RSS',
    unit: 'MiB',
    xUnit: 'seconds',
    lines: [{ label: 'server', points }],
    level: { label: 'most', y: 30 },
  };
  const svg = renderChart({ name: 'chart', title: 'Soak', subtitle: 'machine', panels: [panel] });
  assert.ok(!svg.includes('NaN') && svg.includes('>RSS, MiB<') && svg.includes('>most<') && svg.includes('>seconds<'));
  const drawn = /<polyline points="([^"]+)"/
    .exec(svg)![1]!
    .split(' ')
    .map((point) => point.split(',').map(Number));
  const [first, second, last] = drawn as [number[], number[], number[]];
  assert.equal(drawn.length, 3);
  assert.ok(Math.abs(second[0]! - (first[0]! + last[0]!) / 2) < 0.2);
  assert.ok(Math.abs(first[1]! - second[1]! - (second[1]! - last[1]!) / 2) < 0.2);
});

test('a table aligns text left and numbers right', () => {
  const table = renderTable('title', [
    { plan: 'a', 'pairs/s': 1234.5, met: true },
    { plan: 'long name', 'pairs/s': 1.5, met: null },
  ]);
  assert.deepEqual(table.trimEnd().split('\n').slice(1), [
    '  plan        pairs/s   met',
    '  ---------   -------   ---',
    '  a             1,235   yes',
    '  long name       1.5     -',
  ]);
});

test('a wanted ratio that was not measured is neither met nor missed', () => {
  assert.deepEqual(atLeast('x', null, 2), { name: 'x', target: '>= 2', measured: null, met: null });
  assert.equal(atLeast('x', 2, 2).met, true);
  assert.equal(atMost('x', 0.3, 0.25).met, false);
});

// Pure: charts of bars and lines as SVG, readable on light and dark pages alike because they bring their own background.

import { LINE_PANEL_HEIGHT, type LinePanel, renderLinePanel } from './line-panel.ts';
import { COLOURS, heading, MARGIN, short, text, WIDTH, xml } from './svg.ts';

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** Drawn in the accent colour: ours. */
  readonly accent?: boolean;
  /** Behind the number: `3.1x`. */
  readonly note?: string;
}

/** Bars that share a scale. */
export interface Panel {
  readonly title: string;
  readonly unit: string;
  readonly bars: readonly Bar[];
}

export interface Chart {
  /** File name without `.svg`. */
  readonly name: string;
  readonly title: string;
  /** Machine and conditions. */
  readonly subtitle: string;
  readonly panels: readonly (Panel | LinePanel)[];
}

const LABELS = 300;
const NUMBERS = 150;
const BAR = 18;
const STEP = 27;
const HEAD = 74;
const PANEL_HEAD = 34;

/** @returns a whole SVG document */
export function renderChart({ title, subtitle, panels }: Chart): string {
  const body: string[] = [];
  let y = HEAD;
  for (const panel of panels) {
    body.push(...('lines' in panel ? renderLinePanel(panel, y) : renderPanel(panel, y)));
    y += 'lines' in panel ? LINE_PANEL_HEIGHT : PANEL_HEAD + STEP * panel.bars.length;
  }
  const height = y + MARGIN / 2;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${xml(title)}" font-family="system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif">`,
    `<rect width="${WIDTH}" height="${height}" rx="6" fill="${COLOURS.back}"/>`,
    text(MARGIN, 34, title, `font-size="19" font-weight="600" fill="${COLOURS.text}"`),
    text(MARGIN, 56, subtitle, `font-size="12" fill="${COLOURS.quiet}"`),
    ...body,
    '</svg>',
    '',
  ].join('\n');
}

function renderPanel({ title, unit, bars }: Panel, top: number): string[] {
  const longest = Math.max(...bars.map(({ value }) => value), Number.MIN_VALUE);
  const space = WIDTH - 2 * MARGIN - LABELS - NUMBERS;
  const lines = [heading(top, `${title}, ${unit}`)];
  bars.forEach(({ label, value, accent = false, note }, index) => {
    const y = top + PANEL_HEAD + STEP * index;
    const width = Math.max(1, (space * value) / longest);
    const x = MARGIN + LABELS;
    const number = note === undefined ? short(value) : `${short(value)}  (${note})`;
    lines.push(
      text(x - 10, y + 13, label, `font-size="13" text-anchor="end" fill="${COLOURS.text}"`),
      `<rect x="${x}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="2" fill="${accent ? COLOURS.accent : COLOURS.bar}"/>`,
      text(x + width + 8, y + 13, number, `font-size="13" fill="${COLOURS.text}"`),
    );
  });
  return lines;
}

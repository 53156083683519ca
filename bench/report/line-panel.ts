// Pure: lines over time or rate as SVG, from zero up on both axes.

import { COLOURS, heading, MARGIN, short, text, WIDTH } from './svg.ts';

export interface Line {
  readonly label: string;
  /** [x, y], x ascending. A NaN breaks the line. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** Lines that share both axes. */
export interface LinePanel {
  readonly title: string;
  readonly unit: string;
  readonly xUnit: string;
  readonly lines: readonly Line[];
  /** A level drawn across: what is wanted. */
  readonly level?: { readonly label: string; readonly y: number };
}

const LEFT = 76;
const PLOT_HEIGHT = 170;
const PLOT_TOP = 34;
const LEGEND = 20;
const AXIS = 40;
const TICKS = 4;

/** Told apart without colour as well: the dash differs. */
const STYLES = [
  { colour: COLOURS.accent, dash: '' },
  { colour: '#c2410c', dash: '7 3' },
  { colour: '#15803d', dash: '2 3' },
  { colour: '#7c3aed', dash: '9 3 2 3' },
] as const;

/** Height of the panel in the chart. */
export const LINE_PANEL_HEIGHT = PLOT_TOP + LEGEND + PLOT_HEIGHT + AXIS;

export function renderLinePanel(panel: LinePanel, top: number): string[] {
  const points = panel.lines.flatMap(({ points }) => points).filter(([, y]) => Number.isFinite(y));
  const xEnd = niceEnd(Math.max(...points.map(([x]) => x), Number.MIN_VALUE));
  const yEnd = niceEnd(Math.max(...points.map(([, y]) => y), panel.level?.y ?? 0, Number.MIN_VALUE));
  const plotTop = top + PLOT_TOP + LEGEND;
  const width = WIDTH - LEFT - 2 * MARGIN;
  const place: Place = {
    x: (value) => LEFT + (width * value) / xEnd,
    y: (value) => plotTop + PLOT_HEIGHT * (1 - value / yEnd),
  };
  return [
    heading(top, `${panel.title}, ${panel.unit}`),
    ...legend(panel, top + PLOT_TOP + 8),
    ...axes(place, xEnd, yEnd, panel.xUnit),
    ...level(panel, place),
    ...panel.lines.flatMap((line, index) => polyline(line, place, index)),
  ];
}

/** Value -> place on the page. */
interface Place {
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
}

function axes(place: Place, xEnd: number, yEnd: number, xUnit: string): string[] {
  const steps = Array.from({ length: TICKS + 1 }, (_, index) => index / TICKS);
  const quiet = `font-size="11" fill="${COLOURS.quiet}"`;
  const bottom = place.y(0);
  return [
    ...steps.map((step) => {
      const y = place.y(step * yEnd).toFixed(1);
      return `<line x1="${LEFT}" x2="${place.x(xEnd).toFixed(1)}" y1="${y}" y2="${y}" stroke="#e2e8f0" stroke-width="1"/>`;
    }),
    ...steps.map((step) => text(LEFT - 8, place.y(step * yEnd) + 4, short(step * yEnd), `${quiet} text-anchor="end"`)),
    ...steps.map((step) => text(place.x(step * xEnd), bottom + 16, short(step * xEnd), `${quiet} text-anchor="middle"`)),
    text(place.x(xEnd), bottom + 31, xUnit, `${quiet} text-anchor="end"`),
  ];
}

function legend({ lines }: LinePanel, y: number): string[] {
  const width = (WIDTH - LEFT - 2 * MARGIN) / Math.max(lines.length, 3);
  return lines.flatMap(({ label }, index) => {
    const x = LEFT + index * width;
    return [
      `<line x1="${x}" x2="${x + 26}" y1="${y - 4}" y2="${y - 4}" ${stroke(index)}/>`,
      text(x + 32, y, label, `font-size="12" fill="${COLOURS.text}"`),
    ];
  });
}

function level(panel: LinePanel, place: Place): string[] {
  if (panel.level === undefined) return [];
  const y = place.y(panel.level.y).toFixed(1);
  const end = WIDTH - 2 * MARGIN;
  return [
    `<line x1="${LEFT}" x2="${end}" y1="${y}" y2="${y}" stroke="${COLOURS.quiet}" stroke-width="1" stroke-dasharray="3 3"/>`,
    text(end, Number(y) - 4, panel.level.label, `font-size="11" text-anchor="end" fill="${COLOURS.quiet}"`),
  ];
}

function polyline({ points }: Line, place: Place, index: number): string[] {
  const drawn = points.filter(([, y]) => Number.isFinite(y)).map(([x, y]) => [place.x(x).toFixed(1), place.y(y).toFixed(1)]);
  const dots =
    points.length > 12 ? [] : drawn.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="3" fill="${styleOf(index).colour}"/>`);
  return [`<polyline points="${drawn.map((point) => point.join(',')).join(' ')}" fill="none" ${stroke(index)}/>`, ...dots];
}

function styleOf(index: number): (typeof STYLES)[number] {
  return STYLES[index % STYLES.length]!;
}

function stroke(index: number): string {
  const { colour, dash } = styleOf(index);
  return `stroke="${colour}" stroke-width="2"${dash === '' ? '' : ` stroke-dasharray="${dash}"`}`;
}

/** The next 1, 2, 2.5, 3, 4, 5 or 8 times a power of ten: four steps of it are readable numbers. */
function niceEnd(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 2.5, 3, 4, 5, 8, 10].find((step) => step * power >= value) ?? 10);
}

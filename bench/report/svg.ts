// Pure: what all charts share: size, colours, text, numbers.

export const WIDTH = 860;
export const MARGIN = 24;
export const COLOURS = { back: '#ffffff', text: '#1f2933', quiet: '#5f6b7a', bar: '#9fb3c8', accent: '#0b6bcb' } as const;

/** @param attributes of the element, as they stand in SVG */
export function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${x.toFixed(1)}" y="${y}" ${attributes}>${xml(content)}</text>`;
}

/** Title of a panel. */
export function heading(top: number, content: string): string {
  return text(MARGIN, top + 20, content, `font-size="13" font-weight="600" fill="${COLOURS.text}"`);
}

/** A number with as many digits as a chart can show. */
export function short(value: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toLocaleString('en-US', { maximumFractionDigits: digits });
}

export function xml(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

// Pure: a table for the terminal. Numbers to the right, text to the left.

export type Cell = string | number | boolean | null;

/** Column -> cell; the first row's columns are the table's. */
export type Row = Readonly<Record<string, Cell>>;

export function renderTable(title: string, rows: readonly Row[]): string {
  if (rows.length === 0) return `${title}: nothing measured\n`;
  const columns = Object.keys(rows[0]!);
  const cells = rows.map((row) => columns.map((column) => show(row[column] ?? null)));
  const widths = columns.map((column, i) => Math.max(column.length, ...cells.map((line) => line[i]!.length)));
  const numeric = columns.map((column) => rows.every((row) => typeof row[column] !== 'string'));
  const line = (texts: readonly string[]): string =>
    `  ${texts.map((text, i) => (numeric[i] ? text.padStart(widths[i]!) : text.padEnd(widths[i]!))).join('   ')}`.trimEnd();
  const rule = `  ${widths.map((width) => '-'.repeat(width)).join('   ')}`;
  return `${title}\n${[line(columns), rule, ...cells.map(line)].join('\n')}\n`;
}

function show(cell: Cell): string {
  if (cell === null) return '-';
  if (typeof cell === 'boolean') return cell ? 'yes' : 'NO';
  if (typeof cell === 'string') return cell;
  if (Number.isInteger(cell)) return cell.toLocaleString('en-US');
  const size = Math.abs(cell);
  return cell.toLocaleString('en-US', { maximumFractionDigits: size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3 });
}

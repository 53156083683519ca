// CSV and TSV records -> texts of one column. The only importer of csv-parse.

import { pipeline, Readable } from 'node:stream';
import { CsvError, type Info, parse } from 'csv-parse';
import { decodeUtf8, InvalidRecord, MAX_LINE_BYTES } from './lines.ts';

export interface CsvOptions {
  readonly delimiter: ',' | '\t';
  /** Header name, or position from 1; null for the column `text`, or the only one. */
  readonly column: string | null;
  readonly header: boolean;
}

/** A record's text, or what is wrong with it. */
export interface CsvText {
  /** Line the record begins on, from 1: a quoted field may hold line breaks. */
  readonly line: number;
  readonly text: string | InvalidRecord;
}

interface CsvRecord {
  readonly record: readonly Buffer[];
  readonly info: Info;
}

/**
 * Reads a CSV (RFC 4180 quotes) or TSV (no quotes: MS MARCO's kind) stream.
 *
 * @throws InvalidRecord with {@link lineOf} when a quote is wrong or the header lacks the column: what follows cannot be trusted
 */
export async function* readCsv(chunks: AsyncIterable<Buffer>, options: CsvOptions): AsyncGenerator<CsvText> {
  const parser = parse({
    delimiter: options.delimiter,
    quote: options.delimiter === '\t' ? null : '"',
    encoding: null, // fields stay bytes, so that invalid UTF-8 is seen and not replaced
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: MAX_LINE_BYTES,
  });
  pipeline(Readable.from(chunks), parser, () => {}); // the loop below meets the error
  const lines = new LineCounter();
  let column = options.header ? null : positionOf(options.column ?? '1');
  try {
    for await (const each of parser as AsyncIterable<CsvRecord>) {
      const line = lines.firstLine(each);
      if (column === null) column = columnOf(each.record, options.column);
      else yield { line, text: fieldText(each.record, column) };
    }
  } catch (error) {
    throw error instanceof CsvError ? explain(error) : error;
  }
}

/** Line of a broken CSV stream. */
export class InvalidCsv extends InvalidRecord {
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

function columnOf(header: readonly Buffer[], wanted: string | null): number {
  const names = header.map((name) => decodeUtf8(name).trim());
  const named = names.indexOf(wanted ?? 'text');
  if (named !== -1) return named;
  if (wanted === null && names.length === 1) return 0;
  const position = wanted === null ? null : positionOf(wanted);
  if (position !== null && position < names.length) return position;
  const what = wanted === null ? "no column 'text'; choose one with --column" : `no column '${wanted}'`;
  throw new InvalidCsv(1, `${what} (columns: ${names.join(', ')})`);
}

/** `3` -> 2; null when it is not a position. */
function positionOf(column: string): number | null {
  return /^[1-9]\d*$/.test(column) ? Number(column) - 1 : null;
}

function fieldText(record: readonly Buffer[], column: number): string | InvalidRecord {
  const field = record[column];
  if (field === undefined) return new InvalidRecord(`no column ${column + 1}, the record has ${record.length}`);
  try {
    return decodeUtf8(field);
  } catch (error) {
    return error as InvalidRecord;
  }
}

/** Where records begin. The parser counts lines at a record's end, and counts `\r\n` inside quotes as two. */
class LineCounter {
  #countedTwice = 0;

  firstLine({ record, info }: CsvRecord): number {
    for (const field of record) this.#countedTwice += occurrences(field, '\r\n');
    const newlines = record.reduce((sum, field) => sum + occurrences(field, '\n'), 0);
    return info.lines - newlines - this.#countedTwice;
  }
}

function occurrences(field: Buffer, text: string): number {
  let count = 0;
  for (let at = field.indexOf(text); at !== -1; at = field.indexOf(text, at + 1)) count += 1;
  return count;
}

const EXPLANATIONS: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'a quote is not closed',
  CSV_INVALID_CLOSING_QUOTE: 'text after a closing quote',
  INVALID_OPENING_QUOTE: 'a quote inside an unquoted field',
  CSV_MAX_RECORD_SIZE: `a record longer than ${MAX_LINE_BYTES / 2 ** 20} MiB (or an unclosed quote)`,
};

function explain(error: CsvError): InvalidCsv {
  const line = Number((error as CsvError & { readonly lines?: number }).lines ?? 0);
  return new InvalidCsv(line, EXPLANATIONS[error.code] ?? error.message);
}

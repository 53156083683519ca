// Sources -> documents: one text with its place, blank ones passed over, invalid ones told.

import { CommandError } from '../exit-codes.ts';
import { type CsvOptions, InvalidCsv, readCsv } from './csv.ts';
import { type Format, formatOf, parseJson, textOfJson } from './formats.ts';
import { decodeLine, InvalidRecord, LineSplitter, type RawLine } from './lines.ts';
import { type OpenOptions, openSource, type Source } from './sources.ts';

/** One document and where it stands. */
export interface SourceDocument {
  /** Position among the documents of all inputs, from 0; blank and invalid lines do not count. */
  readonly corpusId: number;
  readonly source: string;
  /** Line it begins on, from 1; every line of the file counts. */
  readonly line: number;
  readonly text: string;
}

export interface DocumentOptions {
  /** Null decides by each file's extension. */
  readonly format: Format | null;
  readonly textField: string;
  readonly column: CsvOptions['column'];
  readonly header: boolean;
  /** Told of an invalid line; throws to end the run. */
  readonly onInvalid: (message: string) => void;
}

/** A line's text, or what is wrong with it. */
interface Entry {
  readonly line: number;
  readonly text: string | InvalidRecord;
}

/**
 * All documents of all sources, in order, in groups as they are read.
 *
 * @throws CommandError `input` when a source cannot be read; what `onInvalid` throws
 */
export async function* readDocuments(
  sources: readonly Source[],
  options: DocumentOptions,
  open: OpenOptions,
): AsyncGenerator<readonly SourceDocument[]> {
  let count = 0;
  for (const source of sources) {
    for await (const entries of readEntries(source, options, open)) {
      const documents: SourceDocument[] = [];
      for (const { line, text } of entries) {
        if (text instanceof InvalidRecord) options.onInvalid(`${source.name}:${line}: ${text.message}`);
        else if (text.trim() !== '') documents.push({ corpusId: count + documents.length, source: source.name, line, text });
      }
      count += documents.length;
      yield documents;
    }
  }
}

/** Entries come in groups: an await for each of a million lines would cost more than reading them. */
async function* readEntries(source: Source, options: DocumentOptions, open: OpenOptions): AsyncGenerator<readonly Entry[]> {
  const format = options.format ?? formatOf(source.name);
  const chunks = openSource(source, open);
  if (format === 'csv' || format === 'tsv') {
    const csv: CsvOptions = { ...options, delimiter: format === 'csv' ? ',' : '\t' };
    try {
      for await (const entry of readCsv(chunks, csv)) yield [entry];
    } catch (error) {
      // The rest of a file with a wrong quote cannot be told into records, so it is never passed over.
      if (error instanceof InvalidCsv) throw new CommandError('input', `${source.name}:${error.line}: ${error.message}`);
      throw error;
    }
    return;
  }
  const parse = format === 'jsonl' ? (text: string) => textOfJson(parseJson(text), options.textField) : (text: string) => text;
  yield* lineEntries(chunks, parse);
}

async function* lineEntries(chunks: AsyncIterable<Buffer>, parse: (text: string) => string): AsyncGenerator<readonly Entry[]> {
  const splitter = new LineSplitter();
  for await (const chunk of chunks) yield splitter.push(chunk).map((line) => lineEntry(line, parse));
  yield splitter.end().map((line) => lineEntry(line, parse));
}

function lineEntry(raw: RawLine, parse: (text: string) => string): Entry {
  try {
    const text = decodeLine(raw);
    return { line: raw.number, text: text.trim() === '' ? '' : parse(text) };
  } catch (error) {
    if (error instanceof InvalidRecord) return { line: raw.number, text: error };
    throw error;
  }
}

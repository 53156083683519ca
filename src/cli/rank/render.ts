// Results -> text, for programs (JSON, JSONL) and for people (table).

import type { Query } from './queries.ts';
import { plain, type TableStyle, tableLines } from './table.ts';
import type { RankedEntry } from './top-k.ts';

export const OUTPUT_KINDS = ['table', 'json', 'jsonl'] as const;
export type OutputKind = (typeof OUTPUT_KINDS)[number];

/** A query and its number in the run, from 0. */
export interface NumberedQuery extends Query {
  readonly number: number;
}

/** Makes the pieces of the output, in order; each depends on its arguments alone, so that a resumed run makes the same. */
export interface Renderer {
  begin(): string;
  /** A finished ranking, best first, in pieces that are never huge. */
  ranking(query: NumberedQuery, entries: readonly RankedEntry[]): Iterable<string>;
  /** Scores in input order (unsorted runs). */
  rows(query: NumberedQuery, entries: readonly RankedEntry[]): string;
  end(): string;
}

const PIECE_ENTRIES = 1000;

/** @param grouped whether the run can have several queries, so that results name theirs */
export function createRenderer(kind: OutputKind, grouped: boolean, style: TableStyle): Renderer {
  if (kind === 'table') return tableRenderer(grouped, style);
  return kind === 'json' ? jsonRenderer(grouped) : jsonlRenderer(grouped);
}

/** `{"query_id", "rank", "corpus_id", "score", "source", "line", "text"}` a line; query_id with several queries, rank unless unsorted. */
function jsonlRenderer(grouped: boolean): Renderer {
  const owner = ({ id }: Query): object => (grouped ? { query_id: id } : {});
  return {
    begin: () => '',
    *ranking(query, entries) {
      for (const [start, piece] of pieces(entries)) {
        yield piece.map((entry, index) => jsonLine({ ...owner(query), rank: start + index + 1, ...fieldsOf(entry) })).join('');
      }
    },
    rows: (query, entries) => entries.map((entry) => jsonLine({ ...owner(query), ...fieldsOf(entry) })).join(''),
    end: () => '',
  };
}

/** One query: an array of results. Several: an array of `{"query_id", "query", "results"}`. */
function jsonRenderer(grouped: boolean): Renderer {
  return {
    begin: () => '[',
    *ranking({ id, text, number }, entries) {
      const indent = grouped ? '    ' : '  ';
      if (grouped)
        yield `${number === 0 ? '' : ','}\n  {"query_id":${JSON.stringify(id)},"query":${JSON.stringify(text)},"results":[`;
      for (const [start, piece] of pieces(entries)) {
        yield piece
          .map((entry, index) => `${start + index === 0 ? '' : ','}\n${indent}${JSON.stringify(fieldsOf(entry))}`)
          .join('');
      }
      if (grouped) yield entries.length === 0 ? ']}' : '\n  ]}';
    },
    rows: () => {
      throw new Error('an unsorted run writes JSONL. This is a bug.');
    },
    end: () => '\n]\n',
  };
}

function tableRenderer(grouped: boolean, style: TableStyle): Renderer {
  return {
    begin: () => '',
    *ranking({ text, number }, entries) {
      if (grouped) yield `${number === 0 ? '' : '\n'}${plain(text)}\n`;
      yield tableLines(entries, style)
        .map((line) => `${line}\n`)
        .join('');
    },
    rows: () => {
      throw new Error('an unsorted run writes JSONL. This is a bug.');
    },
    end: () => '',
  };
}

function* pieces(entries: readonly RankedEntry[]): Generator<readonly [start: number, piece: readonly RankedEntry[]]> {
  for (let start = 0; start < entries.length; start += PIECE_ENTRIES) yield [start, entries.slice(start, start + PIECE_ENTRIES)];
}

/** Wire names; scores are float32 values, written with the digits that tell them apart. */
function fieldsOf({ corpusId, score, source, line, text }: RankedEntry): object {
  return { corpus_id: corpusId, score, source, line, ...(text === null ? {} : { text }) };
}

function jsonLine(value: object): string {
  return `${JSON.stringify(value)}\n`;
}

// The queries of a run: from --query, or from a file of them. Few enough to be kept.

import { CommandError } from '../exit-codes.ts';
import { formatOf, parseJson } from './formats.ts';
import { decodeLine, InvalidRecord, LineSplitter, type RawLine } from './lines.ts';
import { type OpenOptions, openSource, type Source } from './sources.ts';

export interface Query {
  /** The file's own id, else the position from 0. */
  readonly id: string | number;
  readonly text: string;
}

/** Queries typed on the command line. @throws CommandError `usage` when one is empty */
export function typedQueries(texts: readonly string[]): Query[] {
  if (texts.some((text) => text.trim() === '')) throw new CommandError('usage', '--query is empty');
  return texts.map((text, id) => ({ id, text }));
}

/**
 * Reads a query file: one query a line, or JSONL of strings and `{"id"?, "query"}`. Blank lines are passed over.
 *
 * @throws CommandError `input` naming file and line
 */
export async function readQueries(source: Source, open: OpenOptions): Promise<Query[]> {
  const isJson = formatOf(source.name) === 'jsonl';
  const splitter = new LineSplitter();
  const queries: Query[] = [];
  const take = (line: RawLine): void => {
    const query = parseQuery(line, isJson, queries.length, source.name);
    if (query !== null) queries.push(query);
  };
  for await (const chunk of openSource(source, open)) splitter.push(chunk).forEach(take);
  splitter.end().forEach(take);
  if (queries.length === 0) throw new CommandError('input', `${source.name} holds no query`);
  return queries;
}

function parseQuery(line: RawLine, isJson: boolean, position: number, name: string): Query | null {
  try {
    const text = decodeLine(line);
    if (text.trim() === '') return null;
    return isJson ? jsonQuery(parseJson(text), position) : { id: position, text };
  } catch (error) {
    if (error instanceof InvalidRecord) throw new CommandError('input', `${name}:${line.number}: ${error.message}`);
    throw error;
  }
}

function jsonQuery(value: unknown, position: number): Query {
  if (typeof value === 'string') return { id: position, text: value };
  const { id = position, query } = (value ?? {}) as { readonly id?: unknown; readonly query?: unknown };
  if (typeof query !== 'string') throw new InvalidRecord('a query is a JSON string or {"id"?, "query"}');
  if (typeof id !== 'string' && typeof id !== 'number') throw new InvalidRecord('id must be a string or a number');
  return { id, text: query };
}

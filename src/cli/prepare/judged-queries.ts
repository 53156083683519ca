// The file of `prepare --verify`: JSON Lines of queries with their documents, and relevance where it is known.

import { CommandError } from '../exit-codes.ts';
import { parseJson } from '../rank/formats.ts';
import { decodeLine, InvalidRecord, LineSplitter, type RawLine } from '../rank/lines.ts';
import { findSources, openSource } from '../rank/sources.ts';

export interface JudgedQuery {
  readonly query: string;
  /** At least one. */
  readonly documents: readonly string[];
  /** Null when no document of the line has a relevance. */
  readonly relevant: readonly boolean[] | null;
}

/** What a line looks like; `candidates` and `rel` are read too, as collections of judged passages name them. */
export const LINE_FORMAT = '{"query", "documents": ["text" or {"text", "relevance"?}, ...]}';

/**
 * Reads the file line by line (gzip too). Blank lines are passed over.
 *
 * @throws CommandError `input` naming file and line
 */
export async function* readJudgedQueries(path: string, signal: AbortSignal): AsyncGenerator<JudgedQuery> {
  const [source] = await findSources([path], null);
  if (source === undefined) throw new CommandError('input', `${path} is not there`);
  const splitter = new LineSplitter();
  for await (const chunk of openSource(source, { signal })) yield* parsed(splitter.push(chunk), source.name);
  yield* parsed(splitter.end(), source.name);
}

function* parsed(lines: readonly RawLine[], name: string): Generator<JudgedQuery> {
  for (const line of lines) {
    try {
      const text = decodeLine(line);
      if (text.trim() !== '') yield judgedQuery(parseJson(text));
    } catch (error) {
      if (error instanceof InvalidRecord) throw new CommandError('input', `${name}:${line.number}: ${error.message}`);
      throw error;
    }
  }
}

function judgedQuery(value: unknown): JudgedQuery {
  const { query, documents, candidates } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const list = documents ?? candidates;
  if (typeof query !== 'string' || !Array.isArray(list) || list.length === 0) throw new InvalidRecord(`a line is ${LINE_FORMAT}`);
  const judged = list.map(judgedDocument);
  const known = judged.some(({ relevance }) => relevance !== null);
  return {
    query,
    documents: judged.map(({ text }) => text),
    relevant: known ? judged.map(({ relevance }) => (relevance ?? 0) > 0) : null,
  };
}

function judgedDocument(value: unknown): { readonly text: string; readonly relevance: number | null } {
  if (typeof value === 'string') return { text: value, relevance: null };
  const { text, relevance, rel } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const judgement = relevance ?? rel ?? null;
  if (typeof text !== 'string' || (judgement !== null && typeof judgement !== 'number')) {
    throw new InvalidRecord(`a document is a text, or {"text", "relevance"?} with a number`);
  }
  return { text, relevance: judgement };
}

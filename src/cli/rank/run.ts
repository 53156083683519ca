// One run: for every query, windows of documents are read, scored ahead and taken in order; after each the place is kept.

import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { RerankService, ScoringOptions } from '../../rerank/types.ts';
import { CommandError } from '../exit-codes.ts';
import { type DocumentOptions, readDocuments } from './documents.ts';
import { inFlight } from './in-flight.ts';
import type { Sink } from './output.ts';
import type { RankProgress } from './progress.ts';
import type { NumberedQuery, Renderer } from './render.ts';
import { type Checkpoint, FROM_THE_START } from './resume.ts';
import type { Source } from './sources.ts';
import { type RankedEntry, TopK } from './top-k.ts';
import { cutWindows, type Window } from './windows.ts';

export interface RunOptions {
  readonly queries: readonly NumberedQuery[];
  readonly sources: readonly Source[];
  readonly documents: DocumentOptions;
  readonly scoring: ScoringOptions;
  /** Entries kept a query; null keeps all. */
  readonly topK: number | null;
  /** Scores are written in input order, as they come. */
  readonly unsorted: boolean;
  readonly keepTexts: boolean;
  /** Windows' worth of documents under way at once. */
  readonly maxInFlight: number;
  /** Aborted by a signal of the system. */
  readonly signal: AbortSignal;
}

/** What a run works with. */
export interface RunParts {
  readonly service: RerankService;
  readonly sink: Sink;
  readonly renderer: Renderer;
  readonly progress: RankProgress;
  /** Called with every place from which the run could go on. */
  readonly save: (checkpoint: Checkpoint) => Promise<void>;
}

export interface RunTotals {
  /** Pairs scored now; those of an earlier run are not in it. */
  readonly scored: number;
  /** Of those, pairs that were shortened to fit the model. */
  readonly truncated: number;
  /** Of those, pairs whose document was scored in chunks, and the chunks they had together. */
  readonly chunked: number;
  readonly chunks: number;
  /** Documents of one query. */
  readonly documents: number;
  /** Times the documents were read. */
  readonly passes: number;
}

/** A window of one query, or its end. */
interface Step {
  readonly query: NumberedQuery;
  readonly window: Window | null;
}

/**
 * Runs from a checkpoint to the end.
 *
 * @throws CommandError `input`, `output`; RerankError of the scoring; `cancelled` or an AbortError when interrupted
 */
export async function runRanking(options: RunOptions, parts: RunParts, from: Checkpoint = FROM_THE_START): Promise<RunTotals> {
  return new Run(options, parts, from).run();
}

class Run {
  readonly #options: RunOptions;
  readonly #parts: RunParts;
  readonly #from: Checkpoint;
  /** Aborted as well when the run fails, so that nothing is scored for nobody. */
  readonly #stop = new AbortController();
  readonly #stopped: AbortSignal;
  #place: Checkpoint;
  #best: TopK;
  #scored = 0;
  #truncated = 0;
  #chunked = 0;
  #chunks = 0;
  #documents = 0;

  constructor(options: RunOptions, parts: RunParts, from: Checkpoint) {
    this.#options = options;
    this.#parts = parts;
    this.#from = from;
    this.#place = from;
    this.#best = this.#newBest(from.kept);
    this.#stopped = AbortSignal.any([options.signal, this.#stop.signal]);
    setMaxListeners(0, this.#stopped); // every window in flight listens
  }

  async run(): Promise<RunTotals> {
    const { renderer, sink } = this.#parts;
    if (this.#from.outputBytes === 0) await this.#write([renderer.begin()]);
    this.#place = { ...this.#place, outputBytes: sink.bytes };
    const results = inFlight(this.#steps(), {
      start: (step) => this.#score(step),
      weight: ({ window }) => window?.weight ?? 0,
      maxWeight: this.#options.maxInFlight,
      abandon: () => this.#stop.abort(),
    });
    for await (const { item, result } of results) {
      // Ctrl-C ends the process that feeds us too: what looks like the end of the input may be none.
      this.#options.signal.throwIfAborted();
      if (item.window === null) await this.#endQuery(item.query);
      else await this.#take(item.query, item.window, result);
      await this.#parts.save(this.#place);
    }
    await this.#write([renderer.end()]);
    await this.#parts.save({ ...this.#place, finished: true, outputBytes: sink.bytes });
    const passes = this.#options.queries.length - this.#from.queries;
    return {
      scored: this.#scored,
      truncated: this.#truncated,
      chunked: this.#chunked,
      chunks: this.#chunks,
      documents: this.#documents,
      passes,
    };
  }

  async *#steps(): AsyncGenerator<Step> {
    for (const query of this.#options.queries.slice(this.#from.queries)) {
      const first = query.number === this.#from.queries;
      yield* this.#windows(query, first ? this.#from.documents : 0);
      yield { query, window: null };
    }
  }

  /** Windows of one query's pass over the documents; those scored by an earlier run are read, compared and left out. */
  async *#windows(query: NumberedQuery, doneDocuments: number): AsyncGenerator<Step> {
    const { sources, documents } = this.#options;
    const { progress } = this.#parts;
    const open = { signal: this.#stopped, onBytes: progress.onBytes };
    let count = 0;
    for await (const window of cutWindows(readDocuments(sources, documents, open))) {
      const done = count < doneDocuments;
      count += window.documents.length;
      if (done && count >= doneDocuments && window.digest !== this.#from.digest) throw inputChanged(doneDocuments);
      progress.onWindow(window.documents.length, done);
      if (!done) yield { query, window };
    }
    if (count < doneDocuments) throw inputChanged(doneDocuments);
    this.#documents = count;
  }

  async #score({ query, window }: Step): Promise<RankedEntry[]> {
    if (window === null) return [];
    const { scoring, topK, unsorted, keepTexts } = this.#options;
    const { service, progress } = this.#parts;
    let told = 0;
    const onProgress = (scored: number): void => {
      progress.onScored(scored - told);
      told = scored;
    };
    const request = { ...scoring, query: query.text, documents: window.documents.map(({ text }) => text), topK };
    const context = { id: randomUUID(), deadlineMs: Number.POSITIVE_INFINITY, signal: this.#stopped, onProgress };
    const { results, truncated, chunks } = await service.rank(request, context);
    this.#truncated += truncated.length;
    this.#countChunks(chunks);
    onProgress(window.documents.length); // equal documents are scored once
    const ordered = unsorted ? results.toSorted((a, b) => a.index - b.index) : results;
    return ordered.map(({ index, score }) => {
      const document = window.documents[index]!;
      return { ...document, text: keepTexts ? document.text : null, score };
    });
  }

  #countChunks(chunks: readonly number[] | null): void {
    const several = chunks?.filter((count) => count > 1) ?? [];
    this.#chunked += several.length;
    this.#chunks += several.reduce((sum, count) => sum + count, 0);
  }

  async #take(query: NumberedQuery, window: Window, entries: readonly RankedEntry[]): Promise<void> {
    const { unsorted, topK } = this.#options;
    this.#scored += window.documents.length;
    if (unsorted) await this.#write([this.#parts.renderer.rows(query, entries)]);
    // Best first: when one is not among the best so far, none after it is.
    else for (const entry of entries) if (!this.#best.offer(entry)) break;
    // A ranking that keeps everything has no small state: its place is the query's beginning.
    if (!unsorted && topK === null) return;
    const documents = window.documents.at(-1)!.corpusId + 1;
    this.#place = {
      ...this.#place,
      documents,
      digest: window.digest,
      kept: this.#best.entries, // live: place and heap change together
      outputBytes: this.#parts.sink.bytes,
    };
  }

  async #endQuery(query: NumberedQuery): Promise<void> {
    const { renderer, sink } = this.#parts;
    if (!this.#options.unsorted) await this.#write(renderer.ranking(query, this.#best.sorted()));
    this.#best = this.#newBest([]);
    this.#place = { ...FROM_THE_START, queries: query.number + 1, outputBytes: sink.bytes };
  }

  async #write(pieces: Iterable<string>): Promise<void> {
    const { sink, progress } = this.#parts;
    progress.makeRoom();
    for (const piece of pieces) if (piece !== '') await sink.write(piece);
  }

  #newBest(entries: readonly RankedEntry[]): TopK {
    return new TopK(this.#options.topK ?? Number.POSITIVE_INFINITY, entries);
  }
}

function inputChanged(documents: number): CommandError {
  return new CommandError(
    'output',
    `cannot resume: the first ${documents} documents are not those of the interrupted run; delete its .state file to begin anew`,
  );
}

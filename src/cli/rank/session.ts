// One `crossrank rank` with everything it needs: model, workers, output, state, progress. Closes what it opened, whatever happens.

import { type Config, coloursWanted } from '../../config.ts';
import { RerankError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { WorkerPool } from '../../pool/worker-pool.ts';
import type { ModelSpec } from '../../protocol.ts';
import { resolvePrompt } from '../../rerank/prompt.ts';
import { DEFAULT_RERANKER_OPTIONS, Reranker } from '../../rerank/reranker.ts';
import { DEFAULT_SCORING, type ScoringOptions } from '../../rerank/types.ts';
import { createPool, readSpec } from '../engine.ts';
import { CommandError } from '../exit-codes.ts';
import type { RankSettings } from './options.ts';
import { fileSink, type Sink, stdoutSink } from './output.ts';
import { runParameters } from './parameters.ts';
import { RankProgress } from './progress.ts';
import { findBeginning, isResumable, Recorder, tellBeginning } from './recorder.ts';
import { createRenderer, type NumberedQuery } from './render.ts';
import { type Checkpoint, CheckpointWriter, FROM_THE_START, type RunParameters } from './resume.ts';
import { type RunTotals, runRanking } from './run.ts';
import type { Source } from './sources.ts';
import { steadyPlan } from './steady-plan.ts';

export interface RankJob {
  readonly settings: RankSettings;
  readonly config: Config;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly queries: readonly NumberedQuery[];
  /** Whether results name their query. */
  readonly grouped: boolean;
  /** Can be read once a query. */
  readonly sources: readonly Source[];
}

/** Columns of a table that goes to no terminal. */
const DEFAULT_COLUMNS = 100;

/** @throws CommandError; RerankError of the scoring; anything when the signal was aborted */
export async function runJob(job: RankJob): Promise<void> {
  const { settings, config, logger, queries, sources } = job;
  const spec = await orModelError(() => readSpec(config, logger, job.signal, settings.quiet));
  const { prompt: defaultPrompt, promptName: defaultPromptName } = promptDefaults(config);
  const prompt = resolvePrompt(spec, settings, { prompt: defaultPrompt, promptName: defaultPromptName });
  const output = (await isResumable(settings, queries.length)) ? settings.output : null;
  const parameters = runParameters({ spec, settings, dtype: config.dtype, queries, sources, prompt });
  const from = output === null ? FROM_THE_START : await findBeginning(output, settings.resume, parameters);
  if (from.finished) {
    logger.info(`${output} is finished; nothing to do`);
    return;
  }
  tellBeginning(from, logger);
  const pool = createPool(config, spec, logger);
  try {
    await orModelError(() => pool.started);
    checkLabels(pool);
    await runWithOutput(job, pool, { output, parameters, from });
  } finally {
    await pool.close(0);
  }
}

interface Beginning {
  /** The file whose state is kept; null for none. */
  readonly output: string | null;
  readonly parameters: RunParameters;
  readonly from: Checkpoint;
}

async function runWithOutput(job: RankJob, pool: WorkerPool, { output, parameters, from }: Beginning): Promise<void> {
  const { settings } = job;
  const sink = await openSink(settings, from);
  const recorder = output === null ? null : new Recorder(new CheckpointWriter(output, parameters), sink, settings.resume);
  const counts = { invalid: 0 };
  try {
    tellTotals(await runQueries({ job, pool, sink, recorder, from, counts }), counts.invalid, job);
    await recorder?.succeed();
  } catch (error) {
    await recorder?.fail();
    throw error;
  } finally {
    await sink.close();
  }
}

function openSink({ output }: RankSettings, from: Checkpoint): Promise<Sink> | Sink {
  if (output === null) return stdoutSink();
  return fileSink(output, from === FROM_THE_START ? null : from.outputBytes);
}

interface RunQueriesOptions {
  readonly job: RankJob;
  readonly pool: WorkerPool;
  readonly sink: Sink;
  readonly recorder: Recorder | null;
  readonly from: Checkpoint;
  readonly counts: { invalid: number };
}

async function runQueries({ job, pool, sink, recorder, from, counts }: RunQueriesOptions): Promise<RunTotals> {
  const { settings, config, queries, sources, logger, signal } = job;
  const { topK, unsorted } = settings;
  const progress = new RankProgress({
    totalBytes: totalBytes(sources, queries.length - from.queries),
    logger,
    stream: process.stderr,
    quiet: settings.quiet,
    sharesTerminal: settings.output === null && process.stdout.isTTY === true,
  });
  const service = new Reranker(steadyPlan(pool), { ...DEFAULT_RERANKER_OPTIONS, promptDefaults: promptDefaults(config) });
  const renderer = createRenderer(settings.kind, job.grouped, tableStyle(settings));
  const onInvalid = (message: string): void => {
    if (!settings.skipInvalid) throw new CommandError('input', `${message} (--skip-invalid passes over such lines)`);
    counts.invalid += 1;
  };
  try {
    return await runRanking(
      {
        queries,
        sources,
        documents: { ...settings, onInvalid },
        scoring: scoringOf(settings),
        topK,
        unsorted,
        keepTexts: settings.documents,
        maxInFlight: 1 + Math.ceil(config.workers / 4), // a full window has some ten batches, and no worker may wait for one
        signal,
      },
      { service, sink, renderer, progress, save: recorder?.save ?? (async () => {}) },
      from,
    );
  } finally {
    progress.end();
  }
}

function scoringOf(settings: RankSettings): ScoringOptions {
  const { activation, prompt, promptName, batchSize } = settings;
  const { truncationSide, maxTokensPerDocument, longDocuments, chunkOverlap, maxChunksPerDocument } = settings;
  return {
    ...DEFAULT_SCORING,
    activation,
    prompt,
    promptName,
    batchSize,
    truncationSide,
    maxTokensPerDocument,
    longDocuments,
    chunkOverlap,
    maxChunksPerDocument,
  };
}

function promptDefaults({ defaultPrompt, defaultPromptName }: Config): { prompt: string | null; promptName: string | null } {
  return { prompt: defaultPrompt, promptName: defaultPromptName };
}

function tableStyle({ output }: RankSettings): { width: number; colour: boolean } {
  const terminal = output === null && process.stdout.isTTY === true;
  return { width: terminal ? process.stdout.columns : DEFAULT_COLUMNS, colour: terminal && coloursWanted() };
}

/** Bytes that all passes over the documents read; null when one source does not tell its size. */
function totalBytes(sources: readonly Source[], passes: number): number | null {
  const sizes = sources.map(({ sizeBytes }) => sizeBytes);
  return sizes.includes(null) ? null : passes * sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
}

/** @param invalid lines passed over, counted once a pass */
function tellTotals(totals: RunTotals, invalid: number, { logger }: RankJob): void {
  const { scored, truncated, chunked, chunks, documents, passes } = totals;
  if (scored === 0 && documents === 0) logger.warn('no documents in the input');
  if (truncated > 0) logger.info(`${truncated} of ${scored} pairs were too long and were truncated`);
  if (chunked > 0) logger.info(`${chunked} of ${scored} pairs were scored in chunks, ${chunks} in all`);
  if (invalid > 0) logger.warn(`${invalid / passes} invalid line(s) were passed over`);
}

/** @throws CommandError `model`: ranking needs one score a document */
function checkLabels({ facts, spec }: WorkerPool): void {
  if (facts.numLabels === 1) return;
  throw new CommandError('model', `${spec.id} gives ${facts.numLabels} scores a pair (${labelsOf(spec)}); a ranking needs one`);
}

function labelsOf({ labels }: ModelSpec): string {
  return labels.slice(0, 8).join(', ');
}

/** Whatever keeps a model from being loaded, memory included, is the model's exit code. */
async function orModelError<T>(load: () => T | Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    throw error instanceof RerankError ? new CommandError('model', error.message, { cause: error }) : error;
  }
}

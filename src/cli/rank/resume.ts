// The state of an unfinished run in a small file beside its output, so that the run can go on after anything, kill -9 included.

import { open, readFile, rename, rm } from 'node:fs/promises';
import { z } from 'zod';
import { CommandError } from '../exit-codes.ts';
import type { RankedEntry } from './top-k.ts';
import { NO_DIGEST } from './windows.ts';

/** How far a run is: everything before this place is in the output or in `kept`, and is never scored again. */
export interface Checkpoint {
  readonly finished: boolean;
  /** Queries whose results are written. */
  readonly queries: number;
  /** Documents of the next query that are scored. */
  readonly documents: number;
  /** Of those documents' texts (see Window). */
  readonly digest: string;
  /** The best of those documents; empty in an unsorted run, which has written them. */
  readonly kept: readonly RankedEntry[];
  /** Bytes of the output that belong to all this. */
  readonly outputBytes: number;
}

export const FROM_THE_START: Checkpoint = {
  finished: false,
  queries: 0,
  documents: 0,
  digest: NO_DIGEST,
  kept: [],
  outputBytes: 0,
};

/** What the results depend on, by the name a person knows it under; a run may only be resumed with the same. */
export type RunParameters = Readonly<Record<string, string | number | boolean | null>>;

const VERSION = 1;

/** More often than this, writing the state would cost more than it saves. */
const MIN_INTERVAL_MS = 1000;

const entrySchema = z.strictObject({
  corpusId: z.int().nonnegative(),
  source: z.string(),
  line: z.int().positive(),
  score: z.number(),
  text: z.string().nullable(),
});

const stateSchema = z.strictObject({
  version: z.literal(VERSION),
  parameters: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  checkpoint: z.strictObject({
    finished: z.boolean(),
    queries: z.int().nonnegative(),
    documents: z.int().nonnegative(),
    digest: z.string(),
    kept: z.array(entrySchema),
    outputBytes: z.int().nonnegative(),
  }),
});

/** `results.jsonl` -> `results.jsonl.state` */
export function stateFileOf(output: string): string {
  return `${output}.state`;
}

/**
 * Reads the state beside an output; null when there is none.
 *
 * @throws CommandError `output` when it is broken, or the run was begun with other parameters: the message names them
 */
export async function readState(output: string, parameters: RunParameters): Promise<Checkpoint | null> {
  const file = stateFileOf(output);
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw new CommandError('output', `cannot read ${file}: ${error.message}`, { cause: error });
  });
  if (text === null) return null;
  const state = parseState(text);
  if (state === null) throw new CommandError('output', `${file} is not a state this version can read; delete it to begin anew`);
  const differences = differingParameters(state.parameters, parameters);
  if (differences.length === 0) return state.checkpoint;
  throw new CommandError(
    'output',
    `cannot resume ${output}: it was begun with ${differences.join(', ')}; use the same, or delete ${file} to begin anew`,
  );
}

function parseState(text: string): z.infer<typeof stateSchema> | null {
  try {
    return stateSchema.parse(JSON.parse(text));
  } catch {
    return null; // broken JSON or another version: the caller says so
  }
}

/** Pure: `--top-k 5 (now 10)` for each that differs. */
export function differingParameters(before: RunParameters, now: RunParameters): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(now)]);
  return [...names]
    .filter((name) => (before[name] ?? null) !== (now[name] ?? null))
    .map((name) => `${name} ${before[name] ?? 'none'} (now ${now[name] ?? 'none'})`);
}

/** Writes checkpoints, at most one a second; the latest is never lost while the process can still write. */
export class CheckpointWriter {
  readonly #output: string;
  readonly #parameters: RunParameters;
  #latest: Checkpoint | null = null;
  #writtenAtMs = Number.NEGATIVE_INFINITY;

  constructor(output: string, parameters: RunParameters) {
    this.#output = output;
    this.#parameters = parameters;
  }

  /** @param sync makes the output's bytes durable; they must never be fewer than a state says */
  async save(checkpoint: Checkpoint, sync: () => Promise<void>): Promise<void> {
    this.#latest = checkpoint;
    if (performance.now() - this.#writtenAtMs >= MIN_INTERVAL_MS) await this.flush(sync);
  }

  async flush(sync: () => Promise<void>): Promise<void> {
    if (this.#latest === null) return;
    await sync();
    const state = { version: VERSION, parameters: this.#parameters, checkpoint: this.#latest };
    await replaceFile(stateFileOf(this.#output), `${JSON.stringify(state)}\n`);
    this.#latest = null;
    this.#writtenAtMs = performance.now();
  }

  async remove(): Promise<void> {
    await rm(stateFileOf(this.#output), { force: true });
  }
}

/** A reader, or a run after a crash, sees the old contents or the new, nothing between. */
async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    const handle = await open(temporary, 'w');
    try {
      await handle.writeFile(text);
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    throw new CommandError('output', `cannot write ${path}: ${(error as Error).message}`, { cause: error });
  }
}

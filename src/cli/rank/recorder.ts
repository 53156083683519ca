// The state file of a run over its life: looked for before, written during, settled after.

import { stat } from 'node:fs/promises';
import type { Logger } from '../../logger.ts';
import { CommandError } from '../exit-codes.ts';
import type { RankSettings } from './options.ts';
import type { Sink } from './output.ts';
import { type Checkpoint, type CheckpointWriter, FROM_THE_START, type RunParameters, readState, stateFileOf } from './resume.ts';

/**
 * Whether a run leaves a state: its results go to a regular file, for programs, and some of them are final before the end.
 *
 * @param queries how many the run has
 */
export async function isResumable({ output, kind, unsorted, topK }: RankSettings, queries: number): Promise<boolean> {
  if (output === null || kind === 'table' || (!unsorted && topK === null && queries < 2)) return false;
  const found = await stat(output).catch(() => null);
  return found === null || found.isFile();
}

/**
 * Where to begin.
 *
 * @throws CommandError `output` when the state is of other parameters, or `--resume` is missing and hours may be lost
 */
export async function findBeginning(output: string, resume: boolean, parameters: RunParameters): Promise<Checkpoint> {
  if (resume) return (await readState(output, parameters)) ?? FROM_THE_START;
  const file = stateFileOf(output);
  if ((await stat(file).catch(() => null)) === null) return FROM_THE_START;
  throw new CommandError(
    'output',
    `${file} belongs to an earlier run; add --resume to go on with it, or delete it to begin anew`,
  );
}

/** Tells a person what a resumed run leaves out. */
export function tellBeginning({ queries, documents }: Checkpoint, logger: Logger): void {
  const parts = [
    ...(queries > 0 ? [`${queries} ${queries === 1 ? 'query' : 'queries'}`] : []),
    ...(documents > 0 ? [`${documents} documents of the next query`] : []),
  ];
  if (parts.length > 0) logger.info(`resuming: ${parts.join(' and ')} done before`);
}

/** Saves places during a run. After the end the state goes away, or stays as finished when the run may be repeated (`--resume`). */
export class Recorder {
  readonly #writer: CheckpointWriter;
  readonly #sink: Sink;
  readonly #keepFinished: boolean;

  constructor(writer: CheckpointWriter, sink: Sink, keepFinished: boolean) {
    this.#writer = writer;
    this.#sink = sink;
    this.#keepFinished = keepFinished;
  }

  readonly save = async (checkpoint: Checkpoint): Promise<void> => {
    await this.#writer.save(checkpoint, () => this.#sink.sync());
  };

  async succeed(): Promise<void> {
    if (this.#keepFinished) await this.#writer.flush(() => this.#sink.sync());
    else await this.#writer.remove();
  }

  /** Keeps the latest place; an error here would hide the one that ended the run. */
  async fail(): Promise<void> {
    await this.#writer.flush(() => this.#sink.sync()).catch(() => {});
  }
}

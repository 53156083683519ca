// The source of weights in production: a copy prepared on this machine, made the first time, or the model's own file when none can be had.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RerankError } from '../../errors.ts';
import type { Dtype, ModelSpec, ModelWeights, WeightsSource } from '../../protocol.ts';
import { type CpuFeatures, readCpuFeatures } from '../cpu-features.ts';
import { mebibytes } from '../memory-estimate.ts';
import { checkedOnnxModel } from '../onnx/check-weights.ts';
import { ownDtype, ownWeights } from '../weights.ts';
import { type CopyFacts, copyFacts } from './copy-key.ts';
import { CopyStore, copyBytes, damagedFiles, type PreparedCopy } from './copy-store.ts';
import { DigestStore, type HashedFile } from './file-hashes.ts';
import { type PrepareProgress, prepareInChild } from './prepare-child.ts';

export interface PreparedWeightsOptions {
  readonly spec: ModelSpec;
  readonly dtype: Dtype;
  /** Pack the weights; otherwise int8 is only quantised, and float32 is the model's own file. */
  readonly pack: boolean;
  /** Holds the copies and the digests of model files. */
  readonly cacheDirectory: string;
  readonly onEvent?: (event: PreparedEvent) => void;
  /** Called before the model's own file is opened in place of a copy; throws when that cannot end well. */
  readonly checkOwn?: () => void;
  /** Of this machine; tests give others. */
  readonly cpu?: CpuFeatures;
}

export type PreparedEvent =
  | { readonly kind: 'preparing'; readonly dtype: Dtype; readonly bytes: number }
  | PrepareProgress
  | { readonly kind: 'prepared'; readonly directory: string; readonly bytes: number; readonly elapsedMs: number }
  | { readonly kind: 'note'; readonly message: string }
  | { readonly kind: 'evicted'; readonly directory: string }
  | { readonly kind: 'rejected'; readonly directory: string; readonly reason: string }
  | { readonly kind: 'fallback'; readonly reason: string };

/** A second copy that does not load is no accident. */
const MAX_REJECTIONS = 2;

/** Room a copy needs beside its weights. */
const MARGIN_BYTES = 64 * 2 ** 20;

/** Largest size of a copy, as a share of the model's: packed matrices are padded to the kernel's panels, int8 has the quantised file beside it. */
const SPACE: Readonly<Record<Dtype, number>> = { float32: 1.9, int8: 0.9 };

/** @see WeightsSource */
export class PreparedWeights implements WeightsSource {
  readonly #options: PreparedWeightsOptions;
  readonly #store: CopyStore;
  readonly #digests: DigestStore;
  readonly #cpu: CpuFeatures;
  /** Files of copies that were thrown away because of their digests. */
  readonly #damaged: string[] = [];
  #rejections = 0;
  #ownOnly: boolean;

  constructor(options: PreparedWeightsOptions) {
    this.#options = options;
    this.#digests = new DigestStore(join(options.cacheDirectory, 'digests'));
    this.#store = new CopyStore(join(options.cacheDirectory, 'prepared'), this.#digests);
    this.#cpu = options.cpu ?? readCpuFeatures();
    this.#ownOnly = !options.pack && options.dtype === 'float32';
  }

  /**
   * @throws RerankError `model_files` when the model itself is at fault, `cancelled`; with int8 also when no copy can be written:
   *   float32 in its place would be another answer than the one asked for
   */
  async open(signal: AbortSignal): Promise<ModelWeights> {
    const { spec } = this.#options;
    if (this.#ownOnly) return checkedOwnWeights(spec);
    try {
      return this.#weightsOf((await this.prepare(signal)).copy);
    } catch (error) {
      if (signal.aborted || isModelError(error)) throw error;
      this.#fallBack(error as Error);
      return checkedOwnWeights(spec);
    }
  }

  async reject(weights: ModelWeights, cause: Error): Promise<boolean> {
    if (weights.check === null || isModelError(cause)) return false;
    await this.#discard(join(weights.onnxFile, '..'), cause.message).catch(() => {});
    this.#rejections += 1;
    if (this.#rejections < MAX_REJECTIONS) return true;
    if (this.#options.dtype === 'int8') return false;
    this.#fallBack(cause);
    return true;
  }

  /**
   * Finds the copy whose bytes are those that were written, or makes it.
   *
   * @throws as {@link open}, and whatever the disk says
   */
  async prepare(signal: AbortSignal): Promise<{ readonly copy: PreparedCopy; readonly reused: boolean }> {
    const { spec, dtype, pack } = this.#options;
    const files = await this.#digests.ofModel(spec.onnxFile, signal);
    const facts = copyFacts(files, this.#cpu, dtype, pack);
    const found = await this.#store.find(spec.id, facts);
    if (found !== null && (await this.#isWhole(found, signal))) return { copy: found, reused: true };
    const copy = await this.#make(files, facts, signal);
    if (await this.#isWhole(copy, signal)) return { copy, reused: false };
    throw new RerankError('internal', `${copy.directory} was written and holds other bytes now`);
  }

  /**
   * Compares every byte of the copy with its manifest, whatever is remembered of it; a damaged copy is removed and made again.
   *
   * @returns also the damaged files that {@link prepare} has found before
   */
  async verify(signal: AbortSignal): Promise<{ readonly copy: PreparedCopy; readonly damaged: readonly string[] }> {
    const { copy } = await this.prepare(signal);
    const damaged = await damagedFiles(copy);
    const earlier = this.#damaged.splice(0);
    if (damaged.length === 0) return { copy, damaged: earlier };
    await this.#store.remove(copy);
    return { copy: (await this.prepare(signal)).copy, damaged: [...new Set([...earlier, ...damaged])] };
  }

  /** Throws away a copy with other bytes than were written. */
  async #isWhole(copy: PreparedCopy, signal: AbortSignal): Promise<boolean> {
    const damaged = await this.#store.damaged(copy, signal);
    if (damaged.length === 0) return true;
    this.#damaged.push(...damaged);
    await this.#discard(copy.directory, `${damaged.join(' and ')}: not the bytes that were written (SHA-256 differs)`);
    return false;
  }

  async #discard(directory: string, reason: string): Promise<void> {
    this.#tell({ kind: 'rejected', directory, reason });
    await this.#store.remove({ directory });
  }

  async #make(files: readonly HashedFile[], facts: CopyFacts, signal: AbortSignal): Promise<PreparedCopy> {
    const { spec, dtype, pack } = this.#options;
    const started = performance.now();
    const modelBytes = files.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const directory of await this.#store.evict(spec.onnxFile, facts)) this.#tell({ kind: 'evicted', directory });
    await this.#checkSpace(modelBytes);
    this.#tell({ kind: 'preparing', dtype, bytes: modelBytes });
    const directory = await this.#store.begin();
    try {
      const task = { spec, dtype, pack, reducedRange: !this.#cpu.hasInt8Dot, directory };
      const { onnxFile, check, notes } = await prepareInChild(task, (progress) => this.#tell(progress), signal);
      for (const message of notes) this.#tell({ kind: 'note', message });
      const copy = await this.#store.publish(directory, { model: spec.id, source: spec.onnxFile, facts, onnxFile, check });
      this.#tell({ kind: 'prepared', directory: copy.directory, bytes: copyBytes(copy), elapsedMs: performance.now() - started });
      return copy;
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  async #checkSpace(modelBytes: number): Promise<void> {
    const needed = modelBytes * SPACE[this.#options.dtype] + MARGIN_BYTES;
    const free = await this.#store.freeBytes();
    if (free >= needed) return;
    throw new RerankError(
      'internal',
      `a prepared copy may need ${mebibytes(needed)} MiB, and ${this.#store.directory} has ${mebibytes(free)} MiB free`,
    );
  }

  #weightsOf({ directory, manifest }: PreparedCopy): ModelWeights {
    const { spec, dtype, pack } = this.#options;
    const runs = dtype === 'int8' ? dtype : ownDtype(spec);
    return { onnxFile: join(directory, manifest.onnxFile), dtype: runs, packed: pack, check: manifest.check };
  }

  /** @throws RerankError `config` with int8 */
  #fallBack(cause: Error): void {
    if (this.#options.dtype === 'int8') {
      throw new RerankError(
        'config',
        `--dtype int8 needs a quantised copy of the model, and it cannot be made: ${cause.message}`,
        { cause },
      );
    }
    this.#tell({ kind: 'fallback', reason: cause.message });
    this.#options.checkOwn?.();
    this.#ownOnly = true;
  }

  #tell(event: PreparedEvent): void {
    this.#options.onEvent?.(event);
  }
}

/** @throws RerankError `model_files` when the weights are not where the graph says: the runtime would read a device without end */
function checkedOwnWeights(spec: ModelSpec): ModelWeights {
  checkedOnnxModel(spec.onnxFile);
  return ownWeights(spec);
}

/** The model cannot be loaded in any way: its own error says more than the failure of a copy. */
function isModelError(error: unknown): boolean {
  return error instanceof RerankError && (error.code === 'model_files' || error.code === 'config');
}

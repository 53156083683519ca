// The fp32 matrix-multiply peak of one core: single MatMul models in the same runtime, the best over several shapes.

import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { FLOAT, GraphBuilder } from '../../src/model/onnx/graph-builder.ts';
import { writeOnnxModel } from '../../src/model/onnx/onnx-model.ts';
import { RandomTensor } from '../models/random-tensor.ts';
import { openRuntimeSession } from '../runtime-session.ts';

/** rows x inner x columns; those of BERT layers, and a square one. */
const SHAPES = [
  [256, 384, 1536],
  [256, 768, 3072],
  [512, 768, 3072],
  [512, 3072, 768],
  [1024, 1024, 1024],
] as const;

type MatmulShape = (typeof SHAPES)[number];

interface Multiplication {
  readonly shape: MatmulShape;
  readonly session: InferenceSession;
}

const MEASURE_MS = 60;
const MIN_RUNS = 5;

export class MatmulPeak {
  readonly #multiplications: readonly Multiplication[];
  /** FLOP/s, the highest seen. */
  best = 0;

  private constructor(multiplications: readonly Multiplication[]) {
    this.#multiplications = multiplications;
  }

  /** @param cache directory the single-node models are kept in */
  static async open(cache: string): Promise<MatmulPeak> {
    const multiplications: Multiplication[] = [];
    for (const shape of SHAPES) {
      multiplications.push({ shape, session: await openRuntimeSession(await matmulModel(shape, cache), 1) });
    }
    return new MatmulPeak(multiplications);
  }

  /** Measures every shape once more. @returns FLOP/s of this round's best */
  async measure(): Promise<number> {
    let best = 0;
    for (const { shape, session } of this.#multiplications) best = Math.max(best, await fastest(session, shape));
    this.best = Math.max(this.best, best);
    return best;
  }

  async close(): Promise<void> {
    for (const { session } of this.#multiplications) await session.release();
  }
}

/** The peak is what the core can do undisturbed: the fastest run counts. */
async function fastest(session: InferenceSession, [rows, inner, columns]: MatmulShape): Promise<number> {
  const feeds = { a: new Tensor('float32', new Float32Array(rows * inner).fill(0.5), [rows, inner]) };
  const started = performance.now();
  let shortestMs = Number.POSITIVE_INFINITY;
  for (let run = 0; run < MIN_RUNS || performance.now() - started < MEASURE_MS; run += 1) {
    const before = performance.now();
    await session.run(feeds);
    shortestMs = Math.min(shortestMs, performance.now() - before);
  }
  return (2 * rows * inner * columns * 1000) / shortestMs;
}

async function matmulModel(shape: MatmulShape, cache: string): Promise<string> {
  const [rows, inner, columns] = shape;
  const path = join(cache, `matmul-${shape.join('x')}.onnx`);
  if (existsSync(path)) return path;
  mkdirSync(cache, { recursive: true });
  const graph = new GraphBuilder('matmul');
  const a = graph.input('a', FLOAT, ['rows', String(inner)]);
  const b = graph.weights('b', [inner, columns], new RandomTensor(inner * columns, { seed: rows, mean: 0, deviation: 1 }));
  graph.node('MatMul', [a, b], {}, 'c');
  graph.output('c', FLOAT, ['rows', columns]);
  await writeOnnxModel(graph.model, path);
  return path;
}

// The one model all peers open: the ONNX file, and the same weights as model.safetensors for torch.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { MINILM } from '../models/bert-shape.ts';
import { modelDirectory } from '../models/model-directory.ts';
import { MODEL_CACHE, ROOT } from '../paths.ts';
import { PEERS, PYTHON } from './places.ts';

const STAMP = 'peers-source.json';

/** The directory named on the command line, or a MiniLM-L6 shape with random weights. */
export async function benchModel(named: string | null): Promise<string> {
  if (named !== null) return resolve(named);
  return modelDirectory(MINILM, MODEL_CACHE);
}

/**
 * A copy of the directory with model.safetensors beside the ONNX file, made again when the source has changed.
 *
 * @throws Error when the weights cannot be named or torch's logits differ from those of the ONNX file
 */
export function withTorchWeights(source: string): string {
  const target = join(ROOT, 'build/bench-peers', basename(source));
  const stamp = join(target, STAMP);
  const wanted = stampOf(source);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return target;
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  const { status, stderr } = spawnSync(PYTHON, [join(PEERS, 'to_torch.py'), source, target], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`to_torch.py failed: ${stderr.trim().split('\n').slice(-3).join(' ')}`);
  writeFileSync(stamp, wanted);
  return target;
}

function stampOf(source: string): string {
  const files = ['model.onnx', 'onnx/model.onnx'].map((name) => join(source, name)).filter(existsSync);
  return JSON.stringify({ source, files: files.map((file) => [file, statSync(file).size, statSync(file).mtimeMs]) });
}

// The modules of sentence-transformers behind the transformer: pooling, dense layers, norms, up to the scores.

import { RerankError } from '../../../errors.ts';
import type { Checkpoint } from '../safetensors/checkpoint.ts';
import { activate } from './activations.ts';
import type { Architecture } from './architecture.ts';
import { Config } from './config.ts';
import type { Net } from './net.ts';
import { pool, pooledTokens, poolingModes } from './pooling.ts';
import { Weights } from './weights.ts';

/** One entry of modules.json behind the first. */
export interface SentenceModule {
  /** Its folder, which names its weights in the graph and in messages. */
  readonly name: string;
  /** Class path, as modules.json has it. */
  readonly type: string;
  /** Its config.json, parsed; empty for modules without one. */
  readonly config: unknown;
  /** Its weights; null for modules that have none. */
  readonly checkpoint: Checkpoint | null;
}

/** torch's LayerNorm. */
const EPSILON = 1e-5;

/** torch.nn.functional.normalize divides by no less. */
const SMALLEST_NORM = 1e-12;

/** Elementwise activations by the end of their class path. */
const TORCH_ACTIVATIONS: ReadonlyMap<string, string> = new Map([
  ['Identity', 'linear'],
  ['Tanh', 'tanh'],
  ['GELU', 'gelu'],
  ['ReLU', 'relu'],
  ['SiLU', 'silu'],
  ['Sigmoid', 'sigmoid'],
]);

/** What a head holds; weights of the model's own heads are left alone, since its states are read before them. */
const OWN_HEADS = [/^(classifier|pre_classifier|score|head|lm_head|cls|decoder)\./, /(^|\.)pooler\./];

/** Vectors by the names that modules give them. */
type Features = Map<string, string>;

type Apply = (net: Net, config: Config, features: Features) => void;

const MODULES: ReadonlyMap<string, Apply> = new Map<string, Apply>([
  ['Dense', dense],
  ['LayerNorm', layerNorm],
  ['Normalize', normalize],
  ['Dropout', () => {}],
]);

/** An architecture whose head is a chain of modules: a pooling, then others, of which one gives `scores`. */
export function modularArchitecture(body: Architecture, modules: readonly SentenceModule[]): Architecture {
  const [first, ...rest] = modules;
  if (first === undefined || classOf(first) !== 'Pooling')
    throw new RerankError(
      'model_files',
      `modules.json: a Pooling should follow the Transformer, not ${first?.type ?? 'nothing'}`,
    );
  const modes = poolingModes(new Config(first.config));
  return {
    ...body,
    reads: () => pooledTokens(modes),
    head: (net, states, tokens) => runModules(net, pool(net, modes, states, tokens), rest),
    harmless: [...body.harmless, ...OWN_HEADS],
    lastBefore: () => null,
  };
}

/** Columns of the scores: what the last dense layer that gives them has. */
export function modularLabels(modules: readonly SentenceModule[]): number {
  const giving = modules.filter((module) => classOf(module) === 'Dense').map(({ config }) => new Config(config));
  const last = giving.findLast((config) => outputOf(config) === 'scores');
  if (last === undefined) throw new RerankError('model_files', 'modules.json: no Dense module gives scores');
  return last.size('out_features');
}

function runModules(net: Net, pooled: string, modules: readonly SentenceModule[]): string {
  const features: Features = new Map([['sentence_embedding', pooled]]);
  for (const module of modules) {
    const apply = MODULES.get(classOf(module));
    if (apply === undefined)
      throw new RerankError(
        'model_files',
        `modules.json: ${module.type} is not supported; known are ${[...MODULES.keys()].join(', ')}`,
      );
    const weights = new Weights(module.checkpoint ?? { path: module.name, tensors: new Map() });
    apply(net.part(`${module.name}.`, weights), new Config(module.config), features);
    weights.finish([]);
  }
  return features.get('scores')!;
}

function dense(net: Net, config: Config, features: Features): void {
  const input = featureOf(features, config.text('module_input_name', 'sentence_embedding'));
  const sizes = { from: config.size('in_features'), to: config.size('out_features'), bias: config.flag('bias', true) };
  const path = config.text('activation_function', 'torch.nn.modules.activation.Tanh');
  const activation = path.startsWith('torch.') ? TORCH_ACTIVATIONS.get(path.slice(path.lastIndexOf('.') + 1)) : undefined;
  if (activation === undefined) throw new RerankError('model_files', `the activation ${path} of a Dense module is not supported`);
  features.set(outputOf(config), activate(net, activation, net.gemm('linear', input, sizes)));
}

function layerNorm(net: Net, config: Config, features: Features): void {
  const input = featureOf(features, 'sentence_embedding');
  features.set('sentence_embedding', net.layerNorm('norm', input, { size: config.size('dimension'), epsilon: EPSILON }));
}

function normalize(net: Net, _config: Config, features: Features): void {
  const input = featureOf(features, 'sentence_embedding');
  const norm = net.graph.node('ReduceL2', [input], { axes: [1n], keepdims: 1n });
  const divisor = net.node('Max', norm, net.graph.scalar(SMALLEST_NORM));
  features.set('sentence_embedding', net.node('Div', input, divisor));
}

function outputOf(config: Config): string {
  const input = config.text('module_input_name', 'sentence_embedding');
  return config.has('module_output_name') ? config.text('module_output_name') : input;
}

function featureOf(features: Features, name: string): string {
  const value = features.get(name);
  if (value === undefined)
    throw new RerankError('model_files', `modules.json: a module reads '${name}', which none before it gives`);
  return value;
}

/** Module paths have moved between versions; class names have not. */
export function classOf({ type }: Pick<SentenceModule, 'type'>): string {
  return type.slice(type.lastIndexOf('.') + 1);
}

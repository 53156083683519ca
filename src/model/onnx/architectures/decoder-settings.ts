// What the families of decoders have in common and where they differ, read from the configuration.

import { RerankError } from '../../../errors.ts';
import type { Config } from './config.ts';

/** A family's own ways, and what its configuration class assumes where config.json is silent. */
export interface DecoderFamily {
  /** Of query, key and value; `attention_bias` decides where it is null. */
  readonly attentionBias: boolean | null;
  /** Queries and keys are normed a head (Qwen3). */
  readonly headNorms: boolean;
  /** Norms multiply by 1 + weight, and embeddings by the root of their size (Gemma). */
  readonly shiftedNorms: boolean;
  /** Attention and feed-forward are normed before and after (Gemma 2). */
  readonly doubleNorms: boolean;
  readonly activation: readonly [key: string, fallback: string];
  readonly headSize: number | null;
  readonly tied: boolean;
  /** Attention is scaled by the root of this; null for the size of a head. */
  readonly queryScalar: number | null;
  /** Bounds of the attention's scores, and of the logits of the vocabulary. */
  readonly caps: { readonly attention: number | null; readonly logits: number | null };
  readonly padding: number | null;
  /** Layers that see near tokens only; null for none. */
  readonly windows: (config: Config) => ((layer: number) => number | null) | null;
}

/** `layer_types` of newer configurations, or the family's own rule. */
export function slidingLayers(config: Config, rule: (layer: number) => boolean): (layer: number) => boolean {
  const types = config.texts('layer_types');
  if (types.length === 0) return rule;
  const unknown = types.find((type) => type !== 'full_attention' && type !== 'sliding_attention');
  if (unknown !== undefined)
    throw new RerankError('model_files', `config.json: layer_types has '${unknown}', which is not known`);
  return (layer) => types[layer] === 'sliding_attention';
}

const LLAMA_LIKE: DecoderFamily = {
  attentionBias: null,
  headNorms: false,
  shiftedNorms: false,
  doubleNorms: false,
  activation: ['hidden_act', 'silu'],
  headSize: null,
  tied: false,
  queryScalar: null,
  caps: { attention: null, logits: null },
  padding: null,
  windows: () => null,
};

const SLIDING_DEFAULT = 4096;

/** Qwen: the upper layers slide, if any do. */
function qwenWindows(config: Config): ReturnType<DecoderFamily['windows']> {
  if (!config.flag('use_sliding_window', false)) return null;
  const window = config.size('sliding_window', SLIDING_DEFAULT);
  const first = config.integer('max_window_layers', 28);
  const slides = slidingLayers(config, (layer) => layer >= first);
  return (layer) => (slides(layer) ? window : null);
}

/** Mistral: all layers slide, if any do. */
function mistralWindows(config: Config): ReturnType<DecoderFamily['windows']> {
  const window = config.isNull('sliding_window') ? null : config.size('sliding_window', SLIDING_DEFAULT);
  return window === null ? null : () => window;
}

/** Gemma 2: every other layer slides. */
function gemma2Windows(config: Config): ReturnType<DecoderFamily['windows']> {
  const window = config.size('sliding_window', SLIDING_DEFAULT);
  const slides = slidingLayers(config, (layer) => layer % 2 === 0);
  return (layer) => (slides(layer) ? window : null);
}

const GEMMA: DecoderFamily = {
  ...LLAMA_LIKE,
  shiftedNorms: true,
  activation: ['hidden_act', 'gelu_pytorch_tanh'],
  headSize: 256,
  tied: true,
  padding: 0,
};

const GEMMA_2: DecoderFamily = {
  ...GEMMA,
  doubleNorms: true,
  activation: ['hidden_activation', 'gelu_pytorch_tanh'],
  queryScalar: 256,
  caps: { attention: 50, logits: 30 },
  windows: gemma2Windows,
};

export const DECODER_FAMILIES = {
  Llama: LLAMA_LIKE,
  Mistral: { ...LLAMA_LIKE, attentionBias: false, windows: mistralWindows },
  Qwen2: { ...LLAMA_LIKE, attentionBias: true, windows: qwenWindows },
  Qwen3: { ...LLAMA_LIKE, headNorms: true, headSize: 128, windows: qwenWindows },
  Gemma: GEMMA,
  Gemma2: GEMMA_2,
} as const satisfies Readonly<Record<string, DecoderFamily>>;

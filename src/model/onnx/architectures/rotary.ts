// Rotary positions: pairs of a head's values are turned by an angle that grows with the position.

import { RerankError } from '../../../errors.ts';
import type { Config } from './config.ts';
import type { Net } from './net.ts';
import type { Queries, Tokens } from './tokens.ts';

const { fround } = Math;

/** How fast each pair turns, and by how much sines and cosines are scaled. */
export interface Frequencies {
  /** Radians a position, `size / 2` of them. */
  readonly inverse: readonly number[];
  readonly scaling: number;
}

/** `base ** (-2i / size)`, step by step in float32: at position 8,000 a last bit is visible. */
export function plainFrequencies(base: number, size: number): number[] {
  return Array.from({ length: size / 2 }, (_, i) => fround(1 / fround(base ** fround((2 * i) / size))));
}

/**
 * Frequencies as a configuration asks for them.
 *
 * @param settings `rope_scaling`, or the `rope_parameters` of newer configurations; null for none
 * @throws RerankError `model_files` for a kind that is not known
 */
export function frequencies(
  config: Config,
  settings: Config | null,
  { base, size }: { base: number; size: number },
): Frequencies {
  config.part(size, 2);
  const plain = plainFrequencies(base, size);
  const kind = settings?.text('rope_type', settings.text('type', 'default')) ?? 'default';
  switch (kind) {
    case 'default':
    case 'dynamic': // Plain up to max_position_embeddings, and no text is longer than that.
      return { inverse: plain, scaling: 1 };
    case 'linear':
      return { inverse: plain.map((each) => fround(each / settings!.number('factor'))), scaling: 1 };
    case 'llama3':
      return { inverse: plain.map((each) => llama3(settings!, each)), scaling: 1 };
    case 'ntk':
      return { inverse: ntk(settings!, { base, size }), scaling: 1 };
    case 'yarn':
      return yarn(config, settings!, { base, size });
    default:
      throw new RerankError('model_files', `config.json: rope_scaling of the kind '${kind}' is not supported`);
  }
}

/** Slow pairs are slowed down further, fast ones stay, those between are mixed. */
function llama3(settings: Config, frequency: number): number {
  const factor = settings.number('factor');
  const [low, high] = [settings.number('low_freq_factor'), settings.number('high_freq_factor')];
  const length = settings.number('original_max_position_embeddings');
  const wavelength = fround((2 * Math.PI) / frequency);
  if (wavelength < length / high) return frequency;
  if (wavelength > length / low) return fround(frequency / factor);
  const smooth = fround(fround(fround(length / wavelength) - low) / (high - low));
  return fround(fround(fround(1 - smooth) * fround(frequency / factor)) + fround(smooth * frequency));
}

/** The fixed and the mixed form of NTK-aware scaling, as gte's models have it. */
function ntk(settings: Config, { base, size }: { base: number; size: number }): number[] {
  const factor = settings.number('factor');
  const mix = settings.numberOrNull('mixed_b', null);
  if (factor <= 1) return plainFrequencies(base, size);
  if (mix === null) return plainFrequencies(base * factor, size).map((each) => fround(each / fround(factor ** (2 / size))));
  const slope = fround(fround(Math.log(factor)) / fround((size / 2) ** mix));
  return plainFrequencies(base, size).map((each, i) => fround(each / fround(Math.exp(fround(slope * fround((i + 1) ** mix))))));
}

const YARN_FAST = 32;
const YARN_SLOW = 1;

/** As YaRN mixes interpolated and plain frequencies, by how often a pair turns within the original length. */
function yarn(config: Config, settings: Config, { base, size }: { base: number; size: number }): Frequencies {
  const length = settings.number('original_max_position_embeddings', config.size('max_position_embeddings'));
  const factor = settings.number('factor');
  const turns = (count: number): number => (size * Math.log(length / (count * 2 * Math.PI))) / (2 * Math.log(base));
  const truncates = settings.flag('truncate', true);
  const start = turns(settings.number('beta_fast', YARN_FAST));
  const end = turns(settings.number('beta_slow', YARN_SLOW));
  const low = Math.max(truncates ? Math.floor(start) : start, 0);
  const high = Math.min(truncates ? Math.ceil(end) : end, size - 1);
  const span = low === high ? 0.001 : high - low;
  const inverse = Array.from({ length: size / 2 }, (_, i) => {
    const power = fround(base ** fround((2 * i) / size));
    const kept = fround(1 - Math.min(Math.max(fround(fround(i - low) / span), 0), 1));
    return fround(fround(fround(1 / fround(factor * power)) * fround(1 - kept)) + fround(fround(1 / power) * kept));
  });
  return { inverse, scaling: settings.number('attention_factor', yarnScaling(settings, factor)) };
}

function yarnScaling(settings: Config, factor: number): number {
  const scale = (weight: number): number => (factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1);
  const [own, all] = [settings.number('mscale', 0), settings.number('mscale_all_dim', 0)];
  return own !== 0 && all !== 0 ? scale(own) / scale(all) : scale(1);
}

/** The angles of one set of frequencies, made once for all layers. */
export class Rotary {
  readonly #net: Net;
  readonly #tokens: Tokens;
  readonly #frequencies: Frequencies;
  readonly #tables = new Map<string, { cosine: string; sine: string }>();

  constructor(net: Net, tokens: Tokens, frequencies: Frequencies) {
    this.#net = net;
    this.#tokens = tokens;
    this.#frequencies = frequencies;
  }

  /** @param input `[batch, heads, queries, size]`; the second half of a head holds the partners of the first */
  queries(input: string, queries: Queries): string {
    // Position 0 turns nothing.
    if (queries.reads === 'first' && this.#frequencies.scaling === 1) return input;
    return this.#rotate(input, queries);
  }

  keys(input: string): string {
    return this.#rotate(input, this.#tokens.queries('all'));
  }

  #rotate(input: string, queries: Queries): string {
    const net = this.#net;
    const { cosine, sine } = this.#table(queries);
    const half = this.#frequencies.inverse.length;
    const first = net.slice(input, 3, net.integer(0), net.integer(half));
    const second = net.slice(input, 3, net.integer(half), net.integer(2 * half));
    const left = net.node('Sub', net.node('Mul', first, cosine), net.node('Mul', second, sine));
    const right = net.node('Add', net.node('Mul', second, cosine), net.node('Mul', first, sine));
    return net.concat(-1, left, right);
  }

  /** `[1 or batch, 1, queries, size / 2]` each. */
  #table(queries: Queries): { cosine: string; sine: string } {
    const known = this.#tables.get(queries.reads);
    if (known !== undefined) return known;
    const net = this.#net;
    const { inverse, scaling } = this.#frequencies;
    const places = net.unsqueeze(net.toFloat(queries.positions), 1, 3);
    const angles = net.node('Mul', places, net.graph.floats(inverse));
    const scaled = (value: string): string => (scaling === 1 ? value : net.node('Mul', value, net.graph.scalar(scaling)));
    const table = { cosine: scaled(net.node('Cos', angles)), sine: scaled(net.node('Sin', angles)) };
    this.#tables.set(queries.reads, table);
    return table;
  }
}

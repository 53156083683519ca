// config.json as an architecture reads it: sizes, switches and names, each checked when it is asked for.

import { RerankError } from '../../../errors.ts';

/** Above every size of a model: tables are computed from these numbers before a weight shows that they are wrong. */
const LARGEST = 2 ** 24;

/** Labels a configuration has when it names none. */
const DEFAULT_LABELS = 2;

/** The parsed config.json of a model. */
export class Config {
  readonly #values: Readonly<Record<string, unknown>>;

  /** @throws RerankError `model_files` when it is no object */
  constructor(values: unknown) {
    if (!isObject(values)) throw new RerankError('model_files', 'config.json is no object');
    this.#values = values;
  }

  /** Whether it is there and not null. */
  has(name: string): boolean {
    return this.#value(name) !== null;
  }

  /** Whether it is there as null, which some settings tell from absence. */
  isNull(name: string): boolean {
    return Object.hasOwn(this.#values, name) && this.#values[name] === null;
  }

  /**
   * A whole number from 0 on.
   *
   * @throws RerankError `model_files` when it is something else, or absent without a fallback
   */
  integer(name: string, fallback?: number): number {
    const value = this.#value(name) ?? fallback;
    if (!Number.isSafeInteger(value) || (value as number) < 0 || (value as number) > LARGEST)
      this.#refuse(name, `a whole number up to ${LARGEST}`);
    return value as number;
  }

  /** As {@link integer}, and not 0. */
  size(name: string, fallback?: number): number {
    const value = this.integer(name, fallback);
    return value === 0 ? this.#refuse(name, 'a positive number') : value;
  }

  /**
   * A whole number; null where the file says null or a negative one, which means none. `fallback` where it says
   * nothing.
   */
  integerOrNull(name: string, fallback: number | null): number | null {
    const value = this.numberOrNull(name, fallback);
    if (value === null || value < 0) return null;
    return this.has(name) ? this.integer(name) : value;
  }

  /** `total` in `count` equal parts. @throws RerankError `model_files` when there is a rest */
  part(total: number, count: number): number {
    if (total % count === 0) return total / count;
    throw new RerankError('model_files', `config.json: ${total} cannot be divided into ${count} equal parts`);
  }

  number(name: string, fallback?: number): number {
    const value = this.#value(name) ?? fallback;
    if (typeof value !== 'number' || !Number.isFinite(value)) this.#refuse(name, 'a number');
    return value as number;
  }

  /** Null where the file says null; `fallback` where it says nothing. */
  numberOrNull(name: string, fallback: number | null): number | null {
    if (this.isNull(name)) return null;
    return this.has(name) ? this.number(name) : fallback;
  }

  text(name: string, fallback?: string): string {
    const value = this.#value(name) ?? fallback;
    if (typeof value !== 'string') this.#refuse(name, 'text');
    return value as string;
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.#value(name) ?? fallback;
    if (typeof value !== 'boolean') this.#refuse(name, 'true or false');
    return value as boolean;
  }

  /** A list of texts; one text is its list by `|`, as older configurations write it. */
  texts(name: string): string[] {
    const value = this.#value(name) ?? [];
    const list = typeof value === 'string' ? value.split('|').map((each) => each.trim()) : value;
    if (!Array.isArray(list) || !list.every((each) => typeof each === 'string')) this.#refuse(name, 'a list of texts');
    return list as string[];
  }

  /** A list of numbers; null when it is absent. */
  numbers(name: string): number[] | null {
    const value = this.#value(name);
    if (value === null) return null;
    if (!Array.isArray(value) || !value.every(Number.isFinite)) this.#refuse(name, 'a list of numbers');
    return value as number[];
  }

  /** An object inside; null when it is absent. */
  inner(name: string): Config | null {
    return this.has(name) ? new Config(this.#value(name)) : null;
  }

  /** Rows of the classifier: as many as labels are named, or counted. */
  get labels(): number {
    const names = this.#value('id2label');
    return isObject(names) ? Object.keys(names).length : this.size('num_labels', DEFAULT_LABELS);
  }

  #value(name: string): unknown {
    return Object.hasOwn(this.#values, name) ? (this.#values[name] ?? null) : null;
  }

  #refuse(name: string, wanted: string): never {
    const value = JSON.stringify(this.#value(name));
    throw new RerankError('model_files', `config.json: ${name} is ${value}, expected ${wanted}`);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// Value schemas of options: text as typed on a command line -> value. Messages read on from the option's name: "--port must be ...".

import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { PairTemplate } from '../protocol.ts';

/** A schema that takes an option's text; every message starts with "must". */
export type OptionSchema<Value> = z.ZodType<Value, string>;

export function integer(min: number, max: number): OptionSchema<number> {
  const message = `must be an integer from ${min} to ${max}`;
  return z
    .string()
    .regex(/^[+-]?\d+$/, message)
    .transform(Number)
    .refine((value) => value >= min && value <= max, message);
}

/** Seconds, fractions allowed. */
export function seconds(min: number, max: number): OptionSchema<number> {
  const message = `must be a number of seconds from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\+?(\d+\.?\d*|\.\d+)$/, message)
    .transform(Number)
    .refine((value) => value >= min && value <= max, message);
}

export function oneOf<const Names extends readonly [string, ...string[]]>(names: Names): OptionSchema<Names[number]> {
  const message = `must be one of ${names.join(', ')}`;
  return z
    .string()
    .transform((text) => text.toLowerCase())
    .pipe(z.enum(names, message));
}

/** `on` and `off`, and what environments usually hold instead of them. */
export function toggle(): OptionSchema<boolean> {
  return z.string().transform((text, context) => {
    if (/^(on|true|yes|1)$/i.test(text)) return true;
    if (/^(off|false|no|0)$/i.test(text)) return false;
    context.addIssue('must be on or off');
    return z.NEVER;
  });
}

export function nonEmptyText(): OptionSchema<string> {
  return z.string().refine((text) => text.trim() !== '', 'must not be empty');
}

export function httpAddress(): OptionSchema<string> {
  return z.string().refine((text) => /^https?:\/\//i.test(text) && URL.canParse(text), 'must be an http or https address');
}

/** Comma-separated web origins (`https://shop.example`), `loopback` or `*`; the empty text is the empty list. */
export function originList(): OptionSchema<readonly string[]> {
  return z.string().transform((text, context) => {
    const origins = splitList(text);
    if (origins.every(isOrigin)) return origins;
    context.addIssue("must be '*', loopback, or origins such as https://shop.example, without a path");
    return z.NEVER;
  });
}

/** Comma-separated host names without port (`rank.shop.example`, `*.shop.example`) or `*`. */
export function hostList(): OptionSchema<readonly string[]> {
  return z.string().transform((text, context) => {
    const names = splitList(text);
    if (names.length > 0 && names.every(isHostName)) return names;
    context.addIssue("must be '*' or host names such as rank.shop.example, without scheme and port");
    return z.NEVER;
  });
}

/** Comma-separated API keys, visible ASCII without spaces: what a header can carry. */
export function keyList(): OptionSchema<readonly string[]> {
  return z.string().transform((text, context) => {
    const keys = splitList(text);
    if (keys.length > 0 && keys.every(isKey)) return keys;
    context.addIssue('must be keys of visible ASCII characters, separated by commas');
    return z.NEVER;
  });
}

/** Name of a file of API keys, one a line -> the keys. */
export function keyFile(): OptionSchema<readonly string[]> {
  return z.string().transform((path, context) => {
    const keys = readLines(path)?.filter((line) => line !== '' && !line.startsWith('#')) ?? [];
    if (keys.length > 0 && keys.every(isKey)) return keys;
    context.addIssue('must name a readable file with one key of visible ASCII characters a line');
    return z.NEVER;
  });
}

function readLines(path: string): string[] | null {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .map((line) => line.trim());
  } catch {
    return null;
  }
}

/** Whether a text can be an API key in an HTTP header. */
function isKey(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}

/** `{"prefix","separator","suffix"}` as inline JSON, or the name of a file that holds it. A field left out is the empty text. */
export function pairTemplate(): OptionSchema<PairTemplate> {
  const field = z.string().default('');
  const shape = z.strictObject({ prefix: field, separator: field, suffix: field });
  return z.string().transform((text, context) => {
    const parsed = shape.safeParse(readJson(text));
    if (parsed.success) return parsed.data;
    context.addIssue('must be JSON, or a JSON file, with the texts prefix, separator and suffix');
    return z.NEVER;
  });
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** Extensions of browsers have origins of their own, which URL calls opaque. */
function isOrigin(text: string): boolean {
  if (text === '*' || text === 'loopback' || /^[a-z]+(-[a-z]+)*-extension:\/\/[\w-]+$/.test(text)) return true;
  return URL.canParse(text) && new URL(text).origin === text;
}

function isHostName(text: string): boolean {
  return text === '*' || /^(\*\.)?[\w-]+(\.[\w-]+)*$/.test(text);
}

/** The JSON value, or undefined when the file or the JSON cannot be read: the schema then says what was expected. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text.trimStart().startsWith('{') ? text : readFileSync(text, 'utf8'));
  } catch {
    return undefined;
  }
}

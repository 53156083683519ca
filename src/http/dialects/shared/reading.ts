// Schemas for what callers may send much of: entries are read by a function, in one pass that stops at the first few problems. What is
// documented, and words the problems, is an ordinary schema beside it.

import { z } from 'zod';

/** Problems of a body that are named: a wrong list of 10,000 documents is one mistake, not 10,000. */
export const MAX_PROBLEMS = 3;

/** A schema's `error`: a sentence, or what makes one of the value. */
type Wording = string | ((issue: { readonly input?: unknown }) => string);

interface Worded {
  readonly error: Wording;
}

type RawIssue = Exclude<Parameters<z.RefinementCtx['addIssue']>[0], string>;

/** One kind of value. */
export interface Form<Value> {
  /** Documents the value, and words what is wrong with another. */
  readonly schema: z.ZodType;
  /** The value, as it was sent or what is taken of it; undefined for another kind. Looks at no more than it must. */
  read(given: unknown): Value | undefined;
}

/** Strings. */
export function stringForm(error: Wording = 'must be a string'): Form<string> {
  return { schema: z.string({ error }), read: (given) => (typeof given === 'string' ? given : undefined) };
}

/** One value. */
export function single<Value>({ schema, read }: Form<Value>): z.ZodType<Value> {
  return documentedAs(schema).transform((given, context): Value => {
    const value = read(given);
    if (value !== undefined) return value;
    report(schema, given, [], context);
    return z.NEVER;
  });
}

export interface ListBounds {
  readonly min?: Worded & { readonly entries: number };
  readonly max?: Worded & { readonly entries: number };
}

/** A list of values; no more of it is read than up to the {@link MAX_PROBLEMS}th wrong one. */
export function listOf<Value>(form: Form<Value>, { error }: Worded, bounds: ListBounds = {}): z.ZodType<Value[]> {
  return documentedAs(listSchema(form, bounds)).transform((given, context): Value[] => {
    const problem = wrongList(given, error, bounds);
    if (problem === null) return readEntries(given as unknown[], form, context);
    context.addIssue(problem);
    return z.NEVER;
  });
}

function readEntries<Value>(given: readonly unknown[], { schema, read }: Form<Value>, context: z.RefinementCtx): Value[] {
  const values: Value[] = [];
  let problems = 0;
  for (const [index, entry] of given.entries()) {
    const value = read(entry);
    if (value !== undefined) {
      values.push(value);
      continue;
    }
    report(schema, entry, [index], context);
    problems += 1;
    if (problems > MAX_PROBLEMS) break; // that there are more is worth saying
  }
  return values;
}

function wrongList(given: unknown, error: Wording, { min, max }: ListBounds): RawIssue | null {
  if (!Array.isArray(given)) return { code: 'invalid_type', expected: 'array', input: given, message: word(error, given) };
  const bounds = { origin: 'array', inclusive: true, input: given } as const;
  if (min !== undefined && given.length < min.entries)
    return { ...bounds, code: 'too_small', minimum: min.entries, message: word(min.error, given) };
  if (max !== undefined && given.length > max.entries)
    return { ...bounds, code: 'too_big', maximum: max.entries, message: word(max.error, given) };
  return null;
}

/** The problems of one value as its schema words them. */
function report(schema: z.ZodType, given: unknown, path: PropertyKey[], context: z.RefinementCtx): void {
  const issues = schema.safeParse(given).error?.issues ?? [];
  for (const issue of issues.slice(0, MAX_PROBLEMS)) {
    context.addIssue({ ...issue, path: [...path, ...issue.path] } as RawIssue);
  }
}

function word(error: Wording, input: unknown): string {
  return typeof error === 'string' ? error : error({ input });
}

function listSchema({ schema }: Form<unknown>, { min, max }: ListBounds): z.ZodType {
  const list = z.array(schema);
  const atLeast = min === undefined ? list : list.min(min.entries);
  return max === undefined ? atLeast : atLeast.max(max.entries);
}

/** Anything, which documentation shows as the schema's values. */
function documentedAs(schema: z.ZodType): z.ZodType {
  const { $schema: _, ...written } = z.toJSONSchema(schema, { io: 'input' });
  return z.unknown().meta(written);
}

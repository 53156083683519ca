// Zod schemas -> named entries of `components/schemas`, each written once. Imported by openapi.ts and its helpers.

import { z } from 'zod';
import type { JsonSchema } from './document.ts';

/** The components of one document. A schema keeps the name it was first asked for by. */
export class SchemaNames {
  readonly #names = new Map<z.ZodType, string>();
  readonly #schemas: Record<string, JsonSchema> = {};

  get schemas(): Readonly<Record<string, JsonSchema>> {
    return this.#schemas;
  }

  /** @returns a `$ref`; of several schemas one `anyOf`, in their order, each once */
  refer(schemas: readonly { readonly schema: z.ZodType; readonly name: string }[]): JsonSchema {
    const refs = new Set(schemas.map(({ schema, name }) => `#/components/schemas/${this.#nameOf(schema, name)}`));
    const [first, ...others] = Array.from(refs, ($ref) => ({ $ref }));
    return others.length === 0 ? { ...first } : { anyOf: [first, ...others] };
  }

  #nameOf(schema: z.ZodType, wanted: string): string {
    const known = this.#names.get(schema);
    if (known !== undefined) return known;
    let name = wanted;
    for (let count = 2; name in this.#schemas; count += 1) name = `${wanted}.${count}`;
    this.#names.set(schema, name);
    this.#schemas[name] = toJsonSchema(schema);
    return name;
  }
}

/** What a schema takes; of answers and errors, which transform nothing, also what they give. */
function toJsonSchema(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...written } = z.toJSONSchema(schema, {
    io: 'input',
    override: ({ jsonSchema }) => dropSafeBounds(jsonSchema),
  });
  return written;
}

/** Zod bounds every integer by what a double holds exactly, which tells a reader nothing. */
function dropSafeBounds(schema: { minimum?: number; maximum?: number }): void {
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
}

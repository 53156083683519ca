// The OpenAPI document as a judge: whether an answer is one that it promises.

import assert from 'node:assert/strict';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { Dialect } from '../../src/http/dialects/dialect.ts';
import type { OpenApiDocument } from '../../src/http/openapi/document.ts';
import { openApiDocument } from '../../src/http/openapi.ts';
import { RouteTable } from '../../src/http/route-table.ts';

/** What is looked at of an answer. */
export interface JudgedReply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

interface ContractSettings {
  readonly dialect: string | null;
  readonly strictModel: boolean;
  readonly apiKeys: readonly string[];
}

export class Contract {
  readonly document: OpenApiDocument;
  readonly #table: RouteTable;
  readonly #secured: boolean;
  readonly #ajv = new Ajv2020({ strict: false });
  readonly #validators = new Map<string, ValidateFunction>();

  constructor(dialects: readonly Dialect[], { dialect, strictModel, apiKeys }: ContractSettings) {
    this.#table = new RouteTable(dialects, dialect);
    this.#secured = apiKeys.length > 0;
    this.document = openApiDocument(this.#table, { secured: this.#secured, strictModel });
  }

  /** @param path without the query @throws AssertionError when the status is not documented or the body does not fit */
  check(method: string, path: string, reply: JudgedReply): void {
    const normal = path.toLowerCase().replace(/(?<=.)\/$/, '');
    if (method === 'OPTIONS' && reply.status === 204) return; // a preflight, which is the Fetch standard's
    if (normal.startsWith('/docs/') && [200, 304].includes(reply.status)) return; // parts of the page
    const asked = `${method} ${path} ${reply.status}`;
    const schema = this.#schemaOf(method, normal, reply, asked);
    if (schema === null || method === 'HEAD') return;
    const validate = this.#validator(schema);
    assert.ok(validate(reply.body), `${asked}: ${this.#ajv.errorsText(validate.errors)} in ${JSON.stringify(reply.body)}`);
  }

  /** null where the answer has no JSON. */
  #schemaOf(method: string, path: string, { status, headers }: JudgedReply, asked: string): object | null {
    if (status === 403) return this.#errorSchema(method, path); // before any operation
    const operation = this.document.paths[path]?.[method === 'POST' ? 'post' : 'get'];
    const served = operation !== undefined && ['GET', 'HEAD', 'POST'].includes(method);
    if (!served) {
      const refusals = this.#secured ? [401, 404, 405] : [404, 405];
      assert.ok(refusals.includes(status), `${asked}: neither documented nor refused`);
      assert.equal(status === 405, path in this.document.paths || headers.has('allow'), asked);
      return this.#errorSchema(method, path);
    }
    const response = operation.responses[status];
    assert.ok(response, `${asked}: the status is not documented`);
    for (const name of ['server-timing', 'x-truncated']) {
      const documented = Object.keys(response.headers ?? {}).some((header) => header.toLowerCase() === name);
      assert.ok(documented || !headers.has(name), `${asked}: the header ${name} is not documented`);
    }
    if (response.content === undefined) return null;
    const type = headers.get('content-type')?.split(';')[0] ?? '';
    const content = response.content[type];
    assert.ok(content, `${asked}: the content type '${type}' is not documented`);
    return type === 'application/json' ? content.schema : null;
  }

  /** Unknown paths and methods are no operations; whose wording they have is still fixed. */
  #errorSchema(method: string, path: string): object {
    const { errorSchema } = this.#table.dialectOf(method, path);
    const name = `${this.#table.dialects.find((dialect) => dialect.errorSchema === errorSchema)?.name}.error`;
    assert.ok(name in this.document.components.schemas, name);
    return { $ref: `#/components/schemas/${name}` };
  }

  #validator(schema: object): ValidateFunction {
    const key = JSON.stringify(schema);
    const known = this.#validators.get(key);
    if (known !== undefined) return known;
    const validate = this.#ajv.compile({ ...schema, components: this.document.components });
    this.#validators.set(key, validate);
    return validate;
  }
}

const contracts = new Map<string, Contract>();

/** A document and its validators are made once for all servers that share them. */
export function contractOf(dialects: readonly Dialect[], settings: ContractSettings): Contract {
  const key = JSON.stringify([
    dialects.map(({ name }) => name),
    settings.dialect,
    settings.strictModel,
    settings.apiKeys.length > 0,
  ]);
  const contract = contracts.get(key) ?? new Contract(dialects, settings);
  contracts.set(key, contract);
  return contract;
}

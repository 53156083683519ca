// Pure: route table and probes -> the OpenAPI 3.1 document, from the schemas that validate. Knows no Express.

import { ERROR_STATUS, type ErrorCode } from '../errors.ts';
import { VERSION } from '../version.ts';
import type { Dialect, Route } from './dialects/dialect.ts';
import { METRICS_PATH } from './metrics-route.ts';
import type { MediaType, OpenApiDocument, OpenApiHeader, OpenApiResponse, Operation, PathItem } from './openapi/document.ts';
import { type Failure, type FailureOptions, getFailures, postFailures } from './openapi/failures.ts';
import { SchemaNames } from './openapi/schema-names.ts';
import { PROBES, type ProbeDescription } from './probe-routes.ts';
import type { Claim, MountedPath, MountedRoute, RouteTable } from './route-table.ts';

export interface OpenApiOptions extends FailureOptions {
  /** GET /metrics asks for no key where other paths do. */
  readonly openMetrics?: boolean;
}

const SERVER_TAG = 'Server';

/** The document of a server; the same for all of its life. */
export function openApiDocument(table: RouteTable, options: OpenApiOptions): OpenApiDocument {
  const writer = new OperationWriter(table, options);
  const paths = { ...writer.paths(), ...writer.probes(), ...writer.documentation(), ...writer.metrics() };
  for (const dialect of table.dialects) writer.errorSchema(dialect); // also of those whose errors only unknown paths give
  return {
    openapi: '3.1.1',
    info: {
      title: 'crossrank',
      version: VERSION,
      description:
        'Reranks documents with a cross-encoder. On paths that several contracts share, the body decides whose answer comes back; ' +
        'below a prefix (`/cohere`, `/tei`, ...) one contract answers alone.',
      license: { name: 'Apache License 2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: './' }], // where the document is: a proxy may serve all of it below a path
    tags: [
      ...table.dialects.map(({ title }) => ({ name: title })),
      { name: SERVER_TAG, description: 'Probes, metrics and documentation' },
    ],
    paths,
    components: {
      schemas: writer.names.schemas,
      headers: HEADERS,
      securitySchemes: {
        apiKey: { type: 'http', scheme: 'bearer', description: 'An API key of the server; asked for only when it has any' },
      },
    },
  };
}

const HEADERS = {
  'X-Request-Id': { description: "The caller's, or a new one", schema: { type: 'string' } },
  traceresponse: {
    description: "The server's span of this request, when the request is in a trace (W3C Trace Context)",
    schema: { type: 'string' },
  },
  'Retry-After': { description: 'Seconds after which a retry can succeed', schema: { type: 'integer', minimum: 1 } },
  'Server-Timing': { description: 'Milliseconds in the queue, tokenising, in the model, in all', schema: { type: 'string' } },
  'X-Truncated': {
    description: 'How many documents were shortened; absent when none was',
    schema: { type: 'integer', minimum: 1 },
  },
} satisfies Readonly<Record<string, OpenApiHeader>>;

/** Failures that pass: their answers can say when to come back. */
const PASSING: readonly ErrorCode[] = ['overloaded', 'not_ready', 'draining'];

class OperationWriter {
  readonly names = new SchemaNames();
  readonly #table: RouteTable;
  readonly #options: OpenApiOptions;

  constructor(table: RouteTable, options: OpenApiOptions) {
    this.#table = table;
    this.#options = options;
  }

  paths(): Record<string, PathItem> {
    return Object.fromEntries(this.#table.paths.map((mounted) => [mounted.path, this.#pathItem(mounted)]));
  }

  /** The probes are served below every prefix, too. */
  probes(): Record<string, PathItem> {
    const prefixes = ['', ...this.#table.prefixes.map((name) => `/${name}`)];
    const paths = prefixes.flatMap((prefix) => PROBES.map((probe) => ({ path: prefix + probe.path, probe })));
    return Object.fromEntries(paths.map(({ path, probe }) => [path, { get: this.#probe(path, probe) }]));
  }

  documentation(): Record<string, PathItem> {
    return {
      '/openapi.json': { get: this.#page('/openapi.json', 'This document', 'application/json', { type: 'object' }) },
      '/docs': { get: this.#page('/docs', 'This document to read and try', 'text/html', { type: 'string' }) },
    };
  }

  metrics(): Record<string, PathItem> {
    const summary = 'What the server counted, for Prometheus';
    const { secured, openMetrics = false } = this.#options;
    const isClosed = secured && !openMetrics;
    const get: Operation = {
      operationId: operationId('get', METRICS_PATH),
      tags: [SERVER_TAG],
      summary,
      responses: {
        200: {
          description: "Prometheus' text format 0.0.4",
          headers: headerRefs(['X-Request-Id']),
          content: { 'text/plain': { schema: { type: 'string' } } },
        },
        ...this.#failures(getFailures(this.#table.dialectOf('GET', METRICS_PATH), { secured: isClosed })),
      },
      ...(isClosed && this.#security()),
    };
    return { [METRICS_PATH]: { get } };
  }

  errorSchema(...dialects: readonly Dialect[]): MediaType['schema'] {
    return this.names.refer(dialects.map(({ name, errorSchema }) => ({ schema: errorSchema, name: `${name}.error` })));
  }

  #pathItem({ path, methods }: MountedPath): PathItem {
    const get = methods.get('GET');
    const post = methods.get('POST');
    return { ...(get && { get: this.#get(path, get) }), ...(post && { post: this.#post(path, post) }) };
  }

  #get(path: string, { owner }: MountedRoute): Operation {
    const answer = this.names.refer([answerOf(owner)]);
    return {
      operationId: operationId('get', path),
      tags: [owner.dialect.title],
      summary: owner.route.summary,
      responses: {
        200: response('The answer', answer, ['X-Request-Id']),
        ...this.#failures(getFailures(owner.dialect, this.#options)),
      },
      ...this.#security(),
    };
  }

  #post(path: string, mounted: MountedRoute): Operation {
    const claims = takers(mounted);
    const request = this.names.refer(claims.flatMap(requestOf));
    const answer = this.names.refer(claims.map(answerOf));
    const titles = [...new Set(claims.map(({ dialect }) => dialect.title))];
    return {
      operationId: operationId('post', path),
      tags: titles,
      summary: mounted.owner.route.summary,
      ...(titles.length > 1 && { description: describeTakers(titles, mounted.owner.dialect.title) }),
      requestBody: { required: true, content: json(request, examplesOf(claims)) },
      responses: {
        200: response(`As ${titles.join(', or ')}`, answer, ['X-Request-Id', 'traceresponse', 'Server-Timing', 'X-Truncated']),
        ...this.#failures(postFailures(mounted, claims, this.#options)),
      },
      ...this.#security(),
    };
  }

  #probe(path: string, { summary, watched, answers }: ProbeDescription): Operation {
    const name = path.split('/').at(-1)!;
    const written = answers.map(({ status, description, schema }) => {
      const body = this.names.refer([{ schema, name: status === 200 ? `${name}.answer` : `${name}.error` }]);
      return [status, response(description, body, headersOf(status === ERROR_STATUS.not_ready))] as const;
    });
    const failures = watched ? [] : getFailures(this.#table.dialectOf('GET', path), this.#options);
    return {
      operationId: operationId('get', path),
      tags: [SERVER_TAG],
      summary,
      responses: { ...Object.fromEntries(written), ...this.#failures(failures) },
      ...(!watched && this.#security()),
    };
  }

  #page(path: string, summary: string, type: string, schema: MediaType['schema']): Operation {
    return {
      operationId: operationId('get', path),
      tags: [SERVER_TAG],
      summary,
      responses: {
        200: { description: summary, headers: headerRefs(['X-Request-Id']), content: { [type]: { schema } } },
        304: { description: 'Unchanged: the ETag is the one of If-None-Match' },
        ...this.#failures(getFailures(this.#table.dialectOf('GET', path), this.#options)),
      },
      ...this.#security(),
    };
  }

  #failures(failures: readonly Failure[]): Record<string, OpenApiResponse> {
    const written = failures.map(({ status, codes, dialects }) => {
      const description = Array.from(codes, (code) => `\`${code}\``).join(', ');
      const headers = headersOf(PASSING.some((code) => codes.has(code)));
      return [status, response(description, this.errorSchema(...dialects), headers)] as const;
    });
    return Object.fromEntries(written);
  }

  #security(): Pick<Operation, 'security'> {
    return this.#options.secured ? { security: [{ apiKey: [] }] } : {};
  }
}

/** The owner, and whom a body of its own reaches: a claim behind one that takes the same bodies is no one's way in. */
function takers(mounted: MountedRoute): readonly Claim[] {
  const { claims, owner } = mounted;
  const reached = claims.filter(
    ({ route }) => route.claims !== undefined && (route.examples.length === 0 || takesSome(mounted, route)),
  );
  return [owner, ...reached.filter((claim) => claim !== owner)];
}

function takesSome(mounted: MountedRoute, route: Route): boolean {
  return route.examples.some((example) => mounted.claimOf(example).route === route);
}

function describeTakers(titles: readonly string[], owner: string): string {
  return `The body decides whose contract this is: ${titles.join(', ')}. What is nobody's own belongs to ${owner}.`;
}

function requestOf({ dialect, route }: Claim) {
  return route.schema === null ? [] : [{ schema: route.schema, name: nameOf(dialect, route.path, 'request') }];
}

function answerOf({ dialect, route }: Claim) {
  return { schema: route.answerSchema, name: nameOf(dialect, route.path, 'answer') };
}

/** `/v1/rerank` of Cohere -> `cohere.v1.rerank.request`. */
function nameOf({ name }: Dialect, path: string, kind: string): string {
  return [name, ...path.split('/').filter((part) => part !== ''), kind].join('.');
}

function examplesOf(claims: readonly Claim[]): NonNullable<MediaType['examples']> {
  const examples = claims.flatMap(({ dialect, route }) => route.examples.map((value) => ({ dialect, value })));
  return Object.fromEntries(
    examples.map(({ dialect, value }, index) => [`${dialect.name}-${index + 1}`, { summary: dialect.title, value }]),
  );
}

/** Unique, and fit for a function's name: `POST /v1/rerank` -> `post_v1_rerank`. */
function operationId(method: string, path: string): string {
  return [method, ...path.split(/\W+/).filter((part) => part !== '')].join('_');
}

function response(description: string, schema: MediaType['schema'], headers: readonly (keyof typeof HEADERS)[]): OpenApiResponse {
  return { description, headers: headerRefs(headers), content: json(schema) };
}

function headersOf(passing: boolean): readonly (keyof typeof HEADERS)[] {
  return passing ? ['X-Request-Id', 'traceresponse', 'Retry-After'] : ['X-Request-Id', 'traceresponse'];
}

function headerRefs(names: readonly (keyof typeof HEADERS)[]): NonNullable<OpenApiResponse['headers']> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

function json(schema: MediaType['schema'], examples?: MediaType['examples']): NonNullable<OpenApiResponse['content']> {
  return { 'application/json': { schema, ...(examples && { examples }) } };
}

// A stand-in for an OpenTelemetry collector: takes OTLP/HTTP with JSON bodies on a free port and keeps the spans.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly traceState?: string;
  readonly status: { readonly code?: number };
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly resource: Readonly<Record<string, unknown>>;
}

export interface Collector {
  readonly url: string;
  readonly spans: CollectedSpan[];
  /** Path and headers of each export. */
  readonly exports: { readonly path: string; readonly headers: Readonly<Record<string, unknown>> }[];
  /** The whole text of the bodies. */
  text: string;
  /** What the next exports are answered with. */
  status: number;
}

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

export async function startCollector(test: TestContext): Promise<Collector> {
  const collector: Collector = { url: '', spans: [], exports: [], text: '', status: 200 };
  const server = createServer((req, res) => {
    let body = '';
    req.setEncoding('utf8');
    req.on('data', (chunk) => {
      body += chunk;
    });
    req.on('end', () => {
      collector.exports.push({ path: req.url ?? '', headers: req.headers });
      if (collector.status === 200) take(collector, body);
      res.writeHead(collector.status, { 'Content-Type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  test.after(() => server.closeAllConnections());
  test.after(() => server.close());
  return Object.assign(collector, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

function take(collector: Collector, body: string): void {
  collector.text += body;
  for (const { resource, scopeSpans } of JSON.parse(body).resourceSpans)
    for (const { spans } of scopeSpans)
      for (const span of spans)
        collector.spans.push({ ...span, attributes: plain(span.attributes), resource: plain(resource.attributes) });
}

/** OTLP's typed values as they are. */
function plain(attributes: readonly Attribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}

// GET /openapi.json, and /docs: Swagger UI from the package, so that reading it needs no other server. Both answer while the model loads.

import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { type RequestHandler, type Response, Router } from 'express';
import { RerankError } from '../errors.ts';
import { VERSION } from '../version.ts';
import { methodNotAllowed } from './dialect-router.ts';
import { type OpenApiOptions, openApiDocument } from './openapi.ts';
import type { RouteTable } from './route-table.ts';

/**
 * Swagger UI's files. swagger-ui-dist itself depends on install analytics (@scarf/scarf); this package carries the same files without.
 * Its own code, a Fastify plugin, is never loaded.
 */
const FILES_DIRECTORY = fileURLToPath(new URL('./static/', import.meta.resolve('@fastify/swagger-ui/package.json')));

const FILES: ReadonlySet<string> = new Set(['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png']);

/** Addresses are relative: a proxy may serve all of it below a path. */
const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>crossrank API</title>
<link rel="icon" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
`;

/** Without `validatorUrl: null` the page would ask a validator on the Internet. */
const START = `SwaggerUIBundle({
  url: new URL('openapi.json', location.href).href,
  dom_id: '#docs',
  validatorUrl: null,
  deepLinking: true,
  docExpansion: 'none',
  defaultModelsExpandDepth: -1,
});
`;

/** Swagger UI has images in its styles, hence `data:`. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export function documentationRoutes(table: RouteTable, options: OpenApiOptions): Router {
  const router = Router();
  const document = once(() => tagged(JSON.stringify(openApiDocument(table, options))));
  serve(router, '/openapi.json', (_req, res) => send(res, 'application/json', document()));
  serve(router, '/docs', servePage);
  serve(router, '/docs/start.js', text('text/javascript', START));
  serve(router, '/docs/:file', serveFile);
  return router;
}

function serve(router: Router, path: string, handler: RequestHandler): void {
  router
    .route(path)
    .get(handler)
    .all(methodNotAllowed(['GET', 'HEAD']));
}

/** With a slash at its end the page's relative addresses would lead elsewhere. */
const servePage: RequestHandler = (req, res, next) => {
  if (req.path.endsWith('/')) res.redirect(308, '../docs');
  else text('text/html', PAGE)(req, res, next);
};

const serveFile: RequestHandler = (req, res, next) => {
  const file = String(req.params['file']);
  if (!FILES.has(file)) throw new RerankError('not_found', 'the documentation has no such file');
  protect(res);
  res.set('ETag', `"${VERSION}"`); // dependencies are pinned; the times of installed files are all alike and tell nothing
  res.sendFile(file, { root: FILES_DIRECTORY, acceptRanges: false, lastModified: false }, (cause?: Error) => {
    if (cause !== undefined && !res.destroyed) next(new RerankError('not_found', 'this file cannot be served', { cause }));
  });
};

/** A text, and the hash that says whether it changed. */
interface Tagged {
  /** As bytes, so that all connections that wait for it share them. */
  readonly bytes: Buffer;
  readonly etag: string;
}

function tagged(text: string): Tagged {
  return { bytes: Buffer.from(text), etag: `"${createHash('sha256').update(text).digest('base64url').slice(0, 27)}"` };
}

function text(type: string, content: string): RequestHandler {
  const body = tagged(content);
  return (_req, res) => send(res, type, body);
}

/** Express answers 304 when the caller has this very text. */
function send(res: Response, type: string, { bytes, etag }: Tagged): void {
  protect(res);
  res.set('ETag', etag);
  res.type(type).send(bytes);
}

function protect(res: Response): void {
  res.set({
    'Cache-Control': 'no-cache', // asked again each time, answered 304 while it is the same
    'Content-Security-Policy': CONTENT_SECURITY_POLICY,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
  });
}

function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

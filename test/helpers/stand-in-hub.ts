// A Hugging Face hub of our own, over real HTTP: the addresses, headers and errors of the real one, large files on a second host,
// and every way a transfer can go wrong.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, relative } from 'node:path';

/** The only token the hub knows. */
export const GOOD_TOKEN = 'hf_good';

export interface RepoOptions {
  readonly gated?: boolean;
  readonly private?: boolean;
}

/** What is done to the next requests whose address matches. */
export interface Fault {
  readonly match: RegExp;
  /** How many requests; default 1. */
  times?: number;
  readonly kind:
    | 'status'
    | 'cut'
    | 'stall'
    | 'corrupt'
    | 'slow'
    | 'whole'
    | 'reset'
    | 'html'
    | 'endless-pages'
    | 'flood'
    | 'trickle';
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes sent before a cut or a stall. */
  readonly after?: number;
}

export interface SeenRequest {
  readonly host: 'hub' | 'files';
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
}

interface StoredFile {
  readonly content: Buffer;
  readonly oid: string;
  /** Set for files in large storage. */
  readonly sha256: string | null;
}

interface Repo extends RepoOptions {
  readonly commits: Map<string, ReadonlyMap<string, StoredFile>>;
  readonly refs: Map<string, string>;
}

const PAGE = 4; // entries of a page of a tree, so that pages happen
const SLOW_PIECE_BYTES = 4096;
const SLOW_PAUSE_MS = 20;

export class StandInHub {
  readonly seen: SeenRequest[] = [];
  readonly faults: Fault[] = [];
  /** Path -> size the listing tells in place of the true one. */
  readonly announcedBytes = new Map<string, number>();
  readonly #repos = new Map<string, Repo>();
  readonly #hub: Server;
  readonly #files: Server;

  private constructor() {
    this.#hub = createServer((request, response) => this.#answer('hub', request, response));
    this.#files = createServer((request, response) => this.#answer('files', request, response));
  }

  static async start(): Promise<StandInHub> {
    const hub = new StandInHub();
    for (const server of [hub.#hub, hub.#files]) await once(server.listen(0, '127.0.0.1'), 'listening');
    return hub;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#hub.address() as AddressInfo).port}`;
  }

  get filesOrigin(): string {
    return `http://127.0.0.1:${(this.#files.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const server of [this.#hub, this.#files]) {
      server.closeAllConnections();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    }
  }

  /** Adds a commit, `main` by default, and gives back its hash. */
  add(id: string, files: Readonly<Record<string, Buffer | string>>, ref = 'main', options: RepoOptions = {}): string {
    const repo = this.#repos.get(id) ?? { ...options, commits: new Map(), refs: new Map() };
    const stored = new Map(Object.entries(files).map(([path, content]) => [path, storedFile(path, Buffer.from(content))]));
    const commit = sha1([...stored].map(([path, { oid }]) => `${path} ${oid}`).join('\n'));
    repo.commits.set(commit, stored);
    repo.refs.set(ref, commit);
    this.#repos.set(id, repo);
    return commit;
  }

  /** Path without its query of every request, with its host: `hub GET /api/models/...`. */
  log(): string[] {
    return this.seen.map(({ host, method, path }) => `${host} ${method} ${path.split('?')[0]}`);
  }

  #answer(host: 'hub' | 'files', request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? '/';
    this.seen.push({ host, method: request.method ?? '', path, headers: request.headers });
    const fault = this.#takeFault(`${host} ${path}`);
    const url = new URL(path, 'http://host');
    if (fault?.kind === 'reset') request.socket.destroy();
    else if (fault?.kind === 'html') response.writeHead(200, { 'content-type': 'text/html' }).end('<html>please log in</html>');
    else if (fault?.kind === 'endless-pages') sendJson(response, [], { link: `<${this.endpoint}${path}>; rel="next"` });
    else if (fault?.kind === 'flood') flood(response);
    else if (fault?.kind === 'trickle') trickle(response);
    else if (fault?.kind === 'status') refuse(response, fault.status ?? 500, null, 'out of order', fault.headers);
    else if (host === 'files') this.#sendLarge(url, request, response, fault);
    else this.#answerHub(url, request, response, fault);
  }

  #takeFault(address: string): Fault | null {
    const fault = this.faults.find(({ match, times }) => match.test(address) && (times ?? 1) > 0);
    if (fault === undefined) return null;
    fault.times = (fault.times ?? 1) - 1;
    return fault;
  }

  #answerHub(url: URL, request: IncomingMessage, response: ServerResponse, fault: Fault | null): void {
    const api = /^\/api\/models\/(.+?)\/(revision|tree)\/(.+)$/.exec(url.pathname);
    const cached = /^\/api\/resolve-cache\/models\/(.+?)\/([0-9a-f]{40})\/(.+)$/.exec(url.pathname);
    const resolve = /^\/(.+?)\/resolve\/([^/]+)\/(.+)$/.exec(url.pathname);
    const [, id = '', middle = '', rest = ''] = api ?? cached ?? resolve ?? [];
    const repo = this.#allowed(id, request, response);
    if (repo === null) return;
    const revision = decodeURIComponent(api === null ? middle : rest);
    const commit = repo.commits.has(revision) ? revision : repo.refs.get(revision);
    const file = commit === undefined ? undefined : repo.commits.get(commit)!.get(decodeURIComponent(rest));
    if (commit !== undefined) response.setHeader('x-repo-commit', commit);
    if (commit === undefined) refuse(response, 404, 'RevisionNotFound', `Invalid rev id: ${revision}`);
    else if (api !== null && middle === 'tree') this.#sendTree(repo, commit, url, response);
    else if (api !== null) sendInfo(id, repo, commit, response);
    else if (file === undefined) refuse(response, 404, 'EntryNotFound', 'Entry not found');
    else if (cached !== null) sendBytes(file, request, response, fault);
    else this.#redirect(`/api/resolve-cache/models/${id}/${commit}/${rest}`, file, response);
  }

  /** 401 for private and for missing models alike, as long as no token says who asks. */
  #allowed(id: string, request: IncomingMessage, response: ServerResponse): Repo | null {
    const repo = this.#repos.get(decodeURIComponent(id));
    const given = request.headers.authorization;
    const known = given === `Bearer ${GOOD_TOKEN}`;
    if (given !== undefined && !known) {
      refuse(response, 401, null, 'Invalid credentials in Authorization header');
    } else if (repo === undefined || (repo.private === true && !known)) {
      refuse(response, known ? 404 : 401, 'RepoNotFound', known ? 'Repository not found' : 'Invalid username or password.');
    } else if (repo.gated === true && !known) {
      refuse(response, 401, 'GatedRepo', `Access to model ${id} is restricted.`);
    } else return repo;
    return null;
  }

  /** Large files lie on a second host, small ones behind a relative redirect on the same. */
  #redirect(place: string, { content, oid, sha256 }: StoredFile, response: ServerResponse): void {
    const headers = {
      'accept-ranges': 'bytes',
      etag: `"${oid}"`,
      'x-linked-size': content.length,
      'x-linked-etag': `"${sha256 ?? oid}"`,
    };
    if (sha256 === null) response.writeHead(307, { ...headers, location: place }).end();
    else response.writeHead(302, { ...headers, location: `${this.filesOrigin}/${sha256}?signature=x` }).end();
  }

  #sendTree(repo: Repo, commit: string, url: URL, response: ServerResponse): void {
    const start = Number(url.searchParams.get('cursor') ?? 0);
    const all = [...repo.commits.get(commit)!].map(([path, { content, oid, sha256 }]) => ({
      type: 'file',
      oid,
      size: this.announcedBytes.get(path) ?? content.length,
      path,
      ...(sha256 === null ? {} : { lfs: { oid: sha256, size: content.length, pointerSize: 134 } }),
    }));
    const folders = [...new Set(all.filter(({ path }) => path.includes('/')).map(({ path }) => path.split('/')[0]!))];
    const page = [...folders.map((path) => ({ type: 'directory', oid: sha1(path), size: 0, path })), ...all];
    url.searchParams.set('cursor', String(start + PAGE));
    const next = start + PAGE < page.length ? { link: `<${this.endpoint}${url.pathname}${url.search}>; rel="next"` } : {};
    sendJson(response, page.slice(start, start + PAGE), next);
  }

  #sendLarge(url: URL, request: IncomingMessage, response: ServerResponse, fault: Fault | null): void {
    const files = [...this.#repos.values()].flatMap((repo) => [...repo.commits.values()]).flatMap((files) => [...files.values()]);
    const file = files.find(({ sha256 }) => sha256 === url.pathname.slice(1));
    if (file === undefined) refuse(response, 403, null, 'AccessDenied');
    else sendBytes(file, request, response, fault);
  }
}

/** Every file of a directory, by its path inside. */
export function filesOf(directory: string): Record<string, Buffer> {
  const paths = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(paths.sort().map((path) => [relative(directory, path), readFileSync(path)]));
}

/** Weights and their data go to large storage, as .gitattributes of the hub says. */
function storedFile(path: string, content: Buffer): StoredFile {
  const large = /\.onnx|\.bin$|_data$/.test(path);
  const sha256 = large ? createHash('sha256').update(content).digest('hex') : null;
  return { content, oid: sha1(Buffer.concat([Buffer.from(`blob ${content.length}\0`), content])), sha256 };
}

function sha1(content: Buffer | string): string {
  return createHash('sha1').update(content).digest('hex');
}

function sendInfo(id: string, repo: Repo, commit: string, response: ServerResponse): void {
  const siblings = [...repo.commits.get(commit)!.keys()].map((rfilename) => ({ rfilename }));
  const { gated = false, private: isPrivate = false } = repo;
  sendJson(response, {
    _id: '1',
    id,
    modelId: id,
    sha: commit,
    private: isPrivate,
    gated,
    siblings,
    lastModified: '2026-01-01T00:00:00.000Z',
  });
}

function sendJson(response: ServerResponse, body: unknown, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(200, { 'content-type': 'application/json; charset=utf-8', ...headers }).end(JSON.stringify(body));
}

function refuse(
  response: ServerResponse,
  status: number,
  code: string | null,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const error = { 'x-error-message': message, ...(code === null ? {} : { 'x-error-code': code }) };
  response
    .writeHead(status, { 'content-type': 'application/json', ...error, ...headers })
    .end(JSON.stringify({ error: message }));
}

function sendBytes(
  { content, oid, sha256 }: StoredFile,
  request: IncomingMessage,
  response: ServerResponse,
  fault: Fault | null,
): void {
  const range = fault?.kind === 'whole' ? null : /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
  const start = Number(range?.[1] ?? 0);
  const headers: Record<string, string> = { etag: `"${sha256 ?? oid}"`, 'accept-ranges': 'bytes' };
  if (start >= content.length && range !== null) {
    response.writeHead(416, { ...headers, 'content-range': `bytes */${content.length}` }).end();
    return;
  }
  const body = Buffer.from(content.subarray(start));
  if (fault?.kind === 'corrupt') body[Math.floor(body.length / 2)]! ^= 1;
  if (range !== null) headers['content-range'] = `bytes ${start}-${content.length - 1}/${content.length}`;
  response.writeHead(range === null ? 200 : 206, { ...headers, 'content-length': String(body.length) });
  if (request.method === 'HEAD') response.end();
  else if (fault?.kind === 'cut') cut(body.subarray(0, fault.after ?? 0), response);
  else if (fault?.kind === 'stall') response.write(body.subarray(0, fault.after ?? 0));
  else if (fault?.kind === 'slow') void sendSlowly(body, response);
  else response.end(body);
}

/** A listing that is never at its end, as fast as it is read. */
function flood(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.write('[');
  const item = `{"type":"file","path":"a","size":1,"oid":"${'0'.repeat(40)}"},`.repeat(1000);
  const more = (): void => {
    while (!response.destroyed && response.write(item));
  };
  response.on('drain', more);
  more();
}

/** A byte now and then, before any patience for a byte is at its end. */
function trickle(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  const timer = setInterval(() => response.write(' '), SLOW_PAUSE_MS);
  response.on('close', () => clearInterval(timer));
}

/** A while after the bytes: a client drops what it has not read when the connection breaks. */
function cut(body: Buffer, response: ServerResponse): void {
  response.write(body, () => setTimeout(() => response.destroy(), 2 * SLOW_PAUSE_MS));
}

async function sendSlowly(body: Buffer, response: ServerResponse): Promise<void> {
  for (let start = 0; start < body.length && !response.destroyed; start += SLOW_PIECE_BYTES) {
    response.write(body.subarray(start, start + SLOW_PIECE_BYTES));
    await new Promise((resolve) => setTimeout(resolve, SLOW_PAUSE_MS));
  }
  response.end();
}

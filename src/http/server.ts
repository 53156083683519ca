// The listening HTTP server: timeouts, and the steps of an end that loses nothing. Owns the socket, knows no routes.

import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import type { Config } from '../config.ts';
import { ERROR_STATUS, RerankError } from '../errors.ts';
import { type AnswerLimits, AnswerWatch } from './answer-watch.ts';

export type ListenSettings = Pick<
  Config,
  'hostname' | 'port' | 'bodyTimeoutSeconds' | 'headersTimeoutSeconds' | 'answerTimeoutSeconds' | 'keepAliveTimeoutSeconds'
>;

/** Where connections come from when another process listens. */
export interface ConnectionSource {
  open(take: (connection: Socket) => void): void;
  /** No more come. */
  close(): void;
}

export interface ListenOptions extends Partial<Pick<AnswerLimits, 'isCrowded' | 'onCut'>> {
  /** The option that chose the port, for the message when it cannot be had. */
  readonly portFlag?: string;
  /** In place of listening; host and port of the settings are those that the other process listens on. */
  readonly source?: ConnectionSource | undefined;
}

export interface RunningServer {
  /** The port bound, also when 0 was asked for. */
  readonly port: number;
  /** `http://127.0.0.1:8800` */
  readonly url: string;
  /** From now on every answer closes its connection, so that no client reuses it. New connections are taken, idle ones stay open. */
  closeAfterAnswers(): void;
  /** Takes no new connections; those that are open are served until they end, idle ones no longer than ever. */
  leavePort(): void;
  /** Resolves when the requests that are open at this moment are answered. */
  answered(): Promise<void>;
  /** Resolves when no connection is open. */
  emptied(): Promise<void>;
  /** Stops listening; connections still open after graceMs are cut. */
  stop(graceMs: number): Promise<void>;
}

const MAX_HEADERS = 100;
/**
 * Requests that one connection may have open. Node takes all that are in one packet at once, some thousand small ones; no client in use
 * sends more than a few before it has read an answer.
 */
const MAX_PIPELINED = 16;

const TIMEOUT_CHECK_MS = 1000; // how often Node looks for connections that sent too slowly

/**
 * @throws RerankError `config` when the address cannot be listened on
 */
export async function startServer(
  handler: RequestListener,
  settings: ListenSettings,
  { portFlag = '--port', source, ...hooks }: ListenOptions = {},
): Promise<RunningServer> {
  const server = createHttpServer(settings);
  watchAnswers(server, { timeoutMs: settings.answerTimeoutSeconds * 1000, ...NO_HOOKS, ...hooks });
  const exchanges = new OpenExchanges(server);
  const sockets = openSockets(server);
  server.on('request', (req, res) => {
    if (exchanges.fits(req)) handler(req, res);
    else refusePipelined(res);
  });
  if (source === undefined) await listen(server, settings, portFlag);
  else takeFrom(source, server);
  const { port } = (server.address() as AddressInfo | null) ?? settings;
  const host = settings.hostname.includes(':') ? `[${settings.hostname}]` : settings.hostname;
  return {
    port,
    url: `http://${host}:${port}`,
    closeAfterAnswers: () => exchanges.closeAfterAnswers(),
    leavePort: () => {
      source?.close();
      leavePort(server);
    },
    answered: () => allClosed(exchanges.open),
    emptied: () => emptied(sockets),
    stop: (graceMs) => {
      source?.close();
      return stop(server, sockets, graceMs);
    },
  };
}

function createHttpServer(settings: ListenSettings): Server {
  const requestTimeout = settings.bodyTimeoutSeconds * 1000;
  const server = createServer({
    requestTimeout,
    headersTimeout: Math.min(settings.headersTimeoutSeconds * 1000, requestTimeout), // Node refuses a longer one
    keepAliveTimeout: settings.keepAliveTimeoutSeconds * 1000,
    connectionsCheckingInterval: TIMEOUT_CHECK_MS,
  });
  server.maxHeadersCount = MAX_HEADERS;
  return server;
}

const NO_HOOKS = { isCrowded: () => false, onCut: () => {} };

function watchAnswers(server: Server, limits: AnswerLimits): void {
  const watch = new AnswerWatch(limits);
  server.on('connection', (socket) => watch.add(socket));
  server.on('request', (req, res) => {
    res.setHeader('X-Content-Type-Options', 'nosniff'); // here, so that no answer of any handler is without it
    watch.expect(res, req.socket);
  });
  const looking = setInterval(() => watch.tick(), watch.tickMs);
  looking.unref();
  server.once('close', () => clearInterval(looking));
}

/** The requests being answered. Its listener comes before the application's, so that it sees each response untouched. */
class OpenExchanges {
  readonly open = new Set<ServerResponse>();
  readonly #ofSocket = new WeakMap<Socket, number>();
  #closing = false;

  constructor(server: Server) {
    server.on('request', ({ socket }, res) => this.#track(res, socket));
  }

  /** Whether the request that was just tracked is one of the few that a connection may have open. */
  fits({ socket }: IncomingMessage): boolean {
    return (this.#ofSocket.get(socket) ?? 0) <= MAX_PIPELINED;
  }

  closeAfterAnswers(): void {
    this.#closing = true;
    for (const res of this.open) closeAfter(res);
  }

  #track(res: ServerResponse, socket: Socket): void {
    this.open.add(res);
    this.#ofSocket.set(socket, (this.#ofSocket.get(socket) ?? 0) + 1);
    res.once('close', () => {
      this.open.delete(res);
      this.#ofSocket.set(socket, this.#ofSocket.get(socket)! - 1);
    });
    if (this.#closing) closeAfter(res);
  }
}

/** Nobody's dialect, but with what the clients of each read; a connection that does this ends with it. */
function refusePipelined(res: ServerResponse): void {
  const message = `a connection may have at most ${MAX_PIPELINED} requests open`;
  const error = { message, type: 'rate_limit_error', code: 429 };
  res.writeHead(ERROR_STATUS.overloaded, { 'Content-Type': 'application/json', 'Retry-After': '1', Connection: 'close' });
  res.end(JSON.stringify({ message, detail: message, error }));
}

function openSockets(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}

/** What is open now; not what comes later. */
async function allClosed(open: Iterable<ServerResponse | Socket>): Promise<void> {
  await Promise.all([...open].map((one) => new Promise<void>((resolve) => one.once('close', () => resolve()))));
}

async function emptied(sockets: ReadonlySet<Socket>): Promise<void> {
  while (sockets.size > 0) await allClosed(sockets);
}

function closeAfter(res: ServerResponse): void {
  if (!res.headersSent) res.setHeader('Connection', 'close');
}

/** The event makes http look after time-outs; nothing else tells it that connections will come. */
function takeFrom(source: ConnectionSource, server: Server): void {
  server.emit('listening');
  source.open((connection) => {
    connection.allowHalfOpen = true; // as of connections that http takes itself
    connection.setNoDelay(true);
    server.emit('connection', connection);
  });
}

/** @throws RerankError `config` when the address cannot be listened on */
export async function listen(
  server: NetServer,
  { hostname, port }: Pick<ListenSettings, 'hostname' | 'port'>,
  portFlag: string,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => reject(listenError(cause, hostname, port, portFlag)));
    server.listen(port, hostname, resolve);
  });
}

function listenError(cause: NodeJS.ErrnoException, hostname: string, port: number, portFlag: string): RerankError {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `port ${port} is already in use; choose another with ${portFlag}`,
    EACCES: `no permission for port ${port}; ports below 1024 need privileges`,
    EADDRNOTAVAIL: 'this machine has no such address; see --hostname',
    ENOTFOUND: 'no such host name; see --hostname',
  };
  const reason = reasons[cause.code ?? ''] ?? cause.message;
  return new RerankError('config', `cannot listen on ${hostname}:${port}: ${reason}`, { cause });
}

/** http's own close would end idle connections, and with them the request that a client is just sending. */
function leavePort(server: Server): void {
  if (server.listening) NetServer.prototype.close.call(server);
}

async function stop(server: Server, sockets: ReadonlySet<Socket>, graceMs: number): Promise<void> {
  server.close(); // idle connections, too
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await emptied(sockets);
  clearTimeout(cut);
}

// HTTP towards the hub: proxies, redirects, retries, stalls. The only importer of undici; the token never goes to another host.

import { setTimeout as sleep } from 'node:timers/promises';
import { EnvHttpProxyAgent, Pool, type Response as UndiciResponse, fetch as undiciFetch } from 'undici';
import { RerankError } from '../../errors.ts';
import { cut } from '../checked-json.ts';
import { type Asked, HubFailure, refusalFailure, unreachable } from './hub-failure.ts';
import type { HubListener, HubSettings } from './hub-settings.ts';

export type { UndiciResponse };

export interface HubClientOptions {
  readonly settings: HubSettings;
  /** For messages. */
  readonly asked: Asked;
  readonly signal: AbortSignal;
  readonly onEvent: HubListener;
  /** Attempts of a request before it fails; few when the cache can stand in. */
  readonly attempts: number;
  /** How long a connection, and then an answer, may take. */
  readonly answerMs: number;
}

const MAX_REDIRECTS = 5;
/** Of what the other side says of an error. */
const MAX_SHOWN_CHARS = 500;
/** A hub that asks for more patience than this is told of instead. */
const MAX_WAIT_MS = 300_000;

/** Of one answer of the API: a page of a listing has some 300 KB. */
const MAX_ANSWER_BYTES = 16 * 2 ** 20;
/** Of all answers of the API to one client: a listing of 100,000 files. */
const MAX_TOTAL_BYTES = 64 * 2 ** 20;
const MAX_ANSWERS = 1000;
/** An answer of the API that trickles is given up after this many times the patience for a byte. */
const ANSWER_STALLS = 5;

/** Errors of TLS mean a wrong clock, a proxy that breaks it open, or a wrong host: trying again changes nothing. */
const LASTING_ERROR = /^(CERT_|ERR_TLS_|ERR_SSL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_INVALID_URL|EPROTO)/;

export class HubClient {
  readonly #options: HubClientOptions;
  readonly #agent: EnvHttpProxyAgent;
  /** Of the API. */
  #answers = 0;
  #answerBytes = 0;

  constructor(options: HubClientOptions) {
    this.#options = options;
    const { proxies, stallMs } = options.settings;
    const timeouts = { headersTimeout: options.answerMs, bodyTimeout: stallMs };
    // Empty texts, not undefined: otherwise the agent reads the environment by itself.
    this.#agent = new EnvHttpProxyAgent({
      httpProxy: proxies.http,
      httpsProxy: proxies.https,
      noProxy: proxies.none,
      proxyTunnel: false, // plain http is forwarded, as every client does it; many proxies tunnel to port 443 alone
      connect: { timeout: options.answerMs },
      // The connections to a proxy would not get the agent's timeouts.
      factory: (origin, poolOptions) => new Pool(origin, { ...poolOptions, ...timeouts }),
      clientFactory: (origin, poolOptions) => new Pool(origin, { ...poolOptions, ...timeouts }),
    });
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  /**
   * `fetch` for the API, for code that takes one: the body is read before it returns, so that a cut one is tried again too.
   *
   * @throws HubFailure for every answer that is no success, and for answers without end; RerankError `cancelled`
   */
  readonly fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const url = input instanceof Request ? input.url : String(input);
    const headers = Object.fromEntries(new Headers(init?.headers));
    this.#answers += 1;
    if (this.#answers > MAX_ANSWERS) throw this.#endless(`more than ${MAX_ANSWERS} answers`);
    return this.#withRetries(async () => {
      const patience = AbortSignal.timeout(ANSWER_STALLS * this.#options.settings.stallMs);
      const response = await this.#once(url, headers, patience);
      const body = await this.#readAnswer(response);
      return new Response(body, { status: response.status, headers: Object.fromEntries(response.headers) });
    });
  };

  async #readAnswer(response: UndiciResponse): Promise<Buffer<ArrayBuffer>> {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      this.#answerBytes += chunk.length;
      if (bytes > MAX_ANSWER_BYTES) throw this.#endless(`an answer of more than ${MAX_ANSWER_BYTES} bytes`);
      if (this.#answerBytes > MAX_TOTAL_BYTES) throw this.#endless(`answers of more than ${MAX_TOTAL_BYTES} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  #endless(what: string): HubFailure {
    const { settings, asked } = this.#options;
    return new HubFailure('answer', `${settings.endpoint} gives ${what} for ${asked.id}; no repository of a model is that large`);
  }

  /**
   * Begins to read a file at a byte; one attempt, because the caller knows how far it came.
   *
   * @returns 206, or 200 when the server sends the whole file all the same, or 416
   * @throws HubFailure, RerankError `cancelled`
   */
  async open(url: string, offset: number): Promise<UndiciResponse> {
    const range: Record<string, string> = offset === 0 ? {} : { range: `bytes=${offset}-` };
    return this.guard(url, () => this.#once(url, { 'accept-encoding': 'identity', ...range }));
  }

  /** Runs something that talks to `url`: what the network does wrong becomes a HubFailure. */
  async guard<T>(url: string, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      if (this.#options.signal.aborted) throw new RerankError('cancelled', 'the download was cancelled', { cause: error });
      if (error instanceof RerankError) throw error;
      throw this.#networkFailure(url, error as Error);
    }
  }

  /** Waits before another attempt. @param attempt from 1 */
  async pause(failure: HubFailure, attempt: number): Promise<void> {
    const { settings, onEvent, signal } = this.#options;
    const own = settings.retryMs * 2 ** (attempt - 1) * (0.75 + Math.random() / 2); // replicas must not come back in step
    const waitMs = Math.round(Math.max(own, failure.retryAfterMs ?? 0));
    if (waitMs > MAX_WAIT_MS) throw failure;
    onEvent({ kind: 'retry', reason: failure.message, waitMs });
    await sleep(waitMs, undefined, { signal }).catch(() => {
      throw new RerankError('cancelled', 'the download was cancelled');
    });
  }

  async #withRetries<T>(run: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.guard(this.#options.settings.endpoint, run);
      } catch (error) {
        if (!(error instanceof HubFailure) || !error.transient || attempt >= this.#options.attempts) throw error;
        await this.pause(error, attempt);
      }
    }
  }

  /** One request, redirects followed. */
  async #once(start: string, headers: Readonly<Record<string, string>>, patience?: AbortSignal): Promise<UndiciResponse> {
    let url = new URL(start);
    for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
      const response = await this.#send(url, headers, patience);
      const location = response.headers.get('location');
      if (response.status < 300 || response.status > 399 || location === null) return this.#checked(response);
      await response.body?.cancel();
      url = redirectTarget(url, location);
    }
    throw new HubFailure('answer', `${start} is redirected more than ${MAX_REDIRECTS} times`);
  }

  async #send(url: URL, headers: Readonly<Record<string, string>>, patience?: AbortSignal): Promise<UndiciResponse> {
    const { settings, signal } = this.#options;
    const { token, endpoint, userAgent } = settings;
    const own = url.origin === new URL(endpoint).origin;
    const authorization: Record<string, string> = own && token !== null ? { authorization: `Bearer ${token}` } : {};
    return this.guard(url.href, () =>
      undiciFetch(url, {
        headers: { 'user-agent': userAgent, ...headers, ...authorization },
        redirect: 'manual',
        dispatcher: this.#agent,
        signal: patience === undefined ? signal : AbortSignal.any([signal, patience]),
      }),
    );
  }

  async #checked(response: UndiciResponse): Promise<UndiciResponse> {
    if (response.ok || response.status === 416) return response;
    await response.body?.cancel();
    const { status, headers } = response;
    const { asked, settings } = this.#options;
    if (status < 500 && status !== 408 && status !== 429) {
      throw refusalFailure(
        asked,
        { status, code: headers.get('x-error-code'), message: cutHeader(headers.get('x-error-message')) },
        settings,
      );
    }
    const what = status === 429 ? 'asks for fewer requests' : 'is out of order for the moment';
    const retryAfterMs = retryAfter(headers.get('retry-after'), headers.get('ratelimit'));
    const later = retryAfterMs === null ? '' : `; it says to come back in ${Math.ceil(retryAfterMs / 1000)} s`;
    throw new HubFailure('busy', `${new URL(response.url).origin} ${what} (${status})${later}`, {
      transient: true,
      retryAfterMs,
    });
  }

  #networkFailure(url: string, error: Error): HubFailure {
    const cause = rootCause(error);
    const transient = !LASTING_ERROR.test(cause.code ?? '');
    return unreachable(url, reasonOf(cause), this.#options.settings, { cause: error, transient });
  }
}

/** A secure connection must not be left: what follows could be anybody's. */
function redirectTarget(from: URL, location: string): URL {
  const to = new URL(location, from);
  const safe = to.protocol === 'https:' || (to.protocol === 'http:' && from.protocol === 'http:');
  if (safe) return to;
  throw new HubFailure('answer', `${from.origin} redirects to ${to.protocol}//${to.host}, which is not followed`);
}

/** `Retry-After` in seconds or as a date, or the hub's `RateLimit: "api";r=0;t=55`; milliseconds. */
function retryAfter(header: string | null, rateLimit: string | null): number | null {
  const seconds = header === null ? Number.NaN : Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const date = Date.parse(header ?? '');
  if (Number.isFinite(date)) return Math.max(0, date - Date.now());
  const reset = /;\s*t\s*=\s*(\d+)/.exec(rateLimit ?? '')?.[1];
  return reset === undefined ? null : Number(reset) * 1000;
}

function cutHeader(text: string | null): string | null {
  return text === null ? null : cut(text, MAX_SHOWN_CHARS);
}

function rootCause(error: Error): NodeJS.ErrnoException {
  let cause: unknown = error;
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause;
  return (cause instanceof AggregateError ? cause.errors[0] : cause) as NodeJS.ErrnoException;
}

function reasonOf({ name, code, message }: NodeJS.ErrnoException): string {
  if (code === 'UND_ERR_BODY_TIMEOUT' || code === 'UND_ERR_HEADERS_TIMEOUT') return 'no byte came for too long';
  if (name === 'TimeoutError') return 'an answer did not come to its end in time';
  return message === '' ? (code ?? 'unknown error') : cut(message, MAX_SHOWN_CHARS);
}

// The Hugging Face variables, with the meaning huggingface_hub gives them. Pure but for the token's file; the environment comes from config.ts.

import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ProxySettings } from '../model/hub/hub-settings.ts';

type Environment = Readonly<NodeJS.ProcessEnv>;

const DEFAULT_ENDPOINT = 'https://huggingface.co';
/** huggingface_hub takes 10 s; a first byte of a large file may take longer behind a proxy that scans it. */
const DEFAULT_STALL_MS = 30_000;

/**
 * `SENTENCE_TRANSFORMERS_HOME`, which sentence-transformers takes first, else `HF_HUB_CACHE`, else the older `HUGGINGFACE_HUB_CACHE`,
 * else `hub` in `HF_HOME`.
 *
 * @see sentence_transformers/base/model.py, cache_folder (6.2.0)
 * @see https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
 */
export function hubCacheDirectory(environment: Environment): string {
  const { SENTENCE_TRANSFORMERS_HOME: own, HF_HUB_CACHE: shared, HUGGINGFACE_HUB_CACHE: older } = environment;
  const named = own || shared || older;
  return named ? expanded(named, environment) : join(hubHome(environment), 'hub');
}

/** `HF_HUB_OFFLINE`, else `TRANSFORMERS_OFFLINE`. */
export function hubOffline(environment: Environment): boolean {
  return isTrue(environment.HF_HUB_OFFLINE || environment.TRANSFORMERS_OFFLINE);
}

/** `HF_TOKEN` (older: `HUGGING_FACE_HUB_TOKEN`), else what `hf auth login` wrote; null when there is none. */
export function hubToken(environment: Environment): string | null {
  const named = cleaned(environment.HF_TOKEN || environment.HUGGING_FACE_HUB_TOKEN || '');
  if (named !== null || isTrue(environment.HF_HUB_DISABLE_IMPLICIT_TOKEN)) return named;
  const path = environment.HF_TOKEN_PATH ? expanded(environment.HF_TOKEN_PATH, environment) : join(hubHome(environment), 'token');
  try {
    return cleaned(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

/** `HF_ENDPOINT` without a slash at its end; null when it is no address. */
export function hubEndpoint(environment: Environment): string | null {
  const endpoint = (environment.HF_ENDPOINT || DEFAULT_ENDPOINT).replace(/\/+$/, '');
  return /^https?:\/\//i.test(endpoint) && URL.canParse(endpoint) ? endpoint : null;
}

/** The variables curl and Python's clients read, lower case first. */
export function proxySettings(environment: Environment): ProxySettings {
  const all = environment.all_proxy || environment.ALL_PROXY || '';
  return {
    http: environment.http_proxy || environment.HTTP_PROXY || all,
    https: environment.https_proxy || environment.HTTPS_PROXY || all,
    none: environment.no_proxy || environment.NO_PROXY || '',
  };
}

/** `HF_HUB_DOWNLOAD_TIMEOUT`, seconds without a byte. */
export function hubStallMs(environment: Environment): number {
  const seconds = Number(environment.HF_HUB_DOWNLOAD_TIMEOUT);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : DEFAULT_STALL_MS;
}

function hubHome(environment: Environment): string {
  if (environment.HF_HOME) return expanded(environment.HF_HOME, environment);
  return join(environment.XDG_CACHE_HOME || join(homedir(), '.cache'), 'huggingface');
}

function isTrue(text: string | undefined): boolean {
  return /^(1|on|yes|true)$/i.test(text ?? '');
}

/** `~` and `$NAME`, as Python expands them; an unknown name stays. */
function expanded(path: string, environment: Environment): string {
  const home = path.replace(/^~(?=$|[\\/])/, homedir());
  return home.replace(/\$(?:\{(\w+)\}|(\w+))/g, (whole, braced, bare) => environment[braced ?? bare] ?? whole);
}

function cleaned(text: string): string | null {
  const token = text.replaceAll(/[\r\n]/g, '').trim();
  return token === '' ? null : token;
}

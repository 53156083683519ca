// Flags, environment and defaults -> one frozen Config. The only reader of process.env; main, the command line and the library import it.

import { resolve } from 'node:path';
import { hubEndpoint, hubStallMs, proxySettings } from './config/hub-environment.ts';
import { environmentName, OPTIONS, type OptionKey, type OptionSpec, optionEntries } from './config/options.ts';
import { traceSettingsOf } from './config/trace-environment.ts';
import { EMBEDDED_MODEL_DIRECTORY } from './embedded-model.ts';
import { RerankError } from './errors.ts';
import type { HubSettings } from './model/hub/hub-settings.ts';
import { didYouMean } from './nearest-name.ts';
import type { TraceSettings } from './tracing/trace-settings.ts';
import { VERSION } from './version.ts';

/** Every option's value under its key; keys carry their units. */
export type Config = { readonly [Key in OptionKey]: ReturnType<(typeof OPTIONS)[Key]['fallback']> };

/** Option texts by flag name without dashes, as the command line gives them. */
export type FlagTexts = Readonly<Record<string, string | undefined>>;

export interface LoadedConfig {
  readonly config: Config;
  /** Things a person should know though the configuration is valid. */
  readonly warnings: readonly string[];
}

/**
 * Builds the configuration: a flag wins over its variable, a variable over the default.
 *
 * @param extraProblems what the caller found wrong itself (unknown flags); reported together with the rest
 * @throws RerankError `config`, its message one problem a line, all of them
 */
export function loadConfig(
  flags: FlagTexts = {},
  environment: NodeJS.ProcessEnv = process.env,
  extraProblems: readonly string[] = [],
): LoadedConfig {
  const problems = [...extraProblems];
  const warnings = unknownVariableWarnings(environment);
  const values: Record<string, unknown> = {};
  for (const [key, option] of optionEntries()) {
    const given = givenText(option, flags, environment, warnings);
    values[key] = given === null ? option.fallback(environment, values) : parseOption(option, given, problems);
  }
  problems.push(...conflicts(values));
  if (problems.length > 0) throw new RerankError('config', problems.join('\n'));
  return { config: Object.freeze(values) as Config, warnings };
}

/** The model to load: a directory, or a name of the hub. */
export function modelName(config: Pick<Config, 'modelId'>): string {
  return config.modelId ?? EMBEDDED_MODEL_DIRECTORY;
}

/** The library's cache directory: the variable of `--cache-dir`, or its default. */
export function cacheDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  const { cacheDirectory: option } = OPTIONS;
  return environment[environmentName(option)] || option.fallback(environment);
}

/** The options of the configuration that are about the hub. */
export type HubOptions = Pick<Config, 'hubCacheDirectory' | 'offline' | 'hfToken'>;

/** First wait before another attempt at the hub. */
const HUB_RETRY_MS = 1000;

/**
 * How the hub is reached: the options, and the variables that all tools of Hugging Face share.
 *
 * @throws RerankError `config` when HF_ENDPOINT is no address
 */
export function hubSettings(options: HubOptions, environment: NodeJS.ProcessEnv = process.env): HubSettings {
  const endpoint = hubEndpoint(environment);
  if (endpoint === null)
    throw new RerankError('config', `HF_ENDPOINT must be an http or https address, got '${environment.HF_ENDPOINT}'`);
  const origin = environment.HF_HUB_USER_AGENT_ORIGIN ? `; origin/${environment.HF_HUB_USER_AGENT_ORIGIN}` : '';
  return {
    endpoint,
    token: options.hfToken,
    cacheDirectory: resolve(options.hubCacheDirectory),
    offline: options.offline,
    userAgent: `crossrank/${VERSION}; node/${process.versions.node}${origin}`,
    proxies: proxySettings(environment),
    stallMs: hubStallMs(environment),
    retryMs: HUB_RETRY_MS,
  };
}

/** The library's options about the hub: what the call names, else the variables of the command line's options, else their defaults. */
export function libraryHubOptions(given: Partial<HubOptions>, environment: NodeJS.ProcessEnv = process.env): HubOptions {
  const problems: string[] = [];
  const chosen = <Key extends keyof HubOptions>(key: Key): Config[Key] => {
    const option = OPTIONS[key] as OptionSpec<unknown>;
    const text = givenText(option, {}, environment, []);
    return (given[key] ?? (text === null ? option.fallback(environment) : parseOption(option, text, problems))) as Config[Key];
  };
  const options = { hubCacheDirectory: chosen('hubCacheDirectory'), offline: chosen('offline'), hfToken: chosen('hfToken') };
  if (problems.length > 0) throw new RerankError('config', problems.join('\n'));
  return options;
}

/**
 * Where spans go and which: the options, and the variables that all OpenTelemetry software shares. Null when none are to be sent.
 *
 * @throws RerankError `config` when one of the variables makes no sense
 */
export function traceSettings(
  options: Pick<Config, 'otlpEndpoint' | 'otlpServiceName'>,
  environment: NodeJS.ProcessEnv = process.env,
): TraceSettings | null {
  return traceSettingsOf({ endpoint: options.otlpEndpoint, serviceName: options.otlpServiceName }, environment);
}

/** The configuration for logs and reports, secrets as `***`. */
export function printableConfig(config: Config): Readonly<Record<string, unknown>> {
  const shown = optionEntries().map(([key, option]) => [key, option.secret === true && isSet(config[key]) ? '***' : config[key]]);
  return Object.fromEntries(shown);
}

function isSet(value: unknown): boolean {
  return value !== null && !(Array.isArray(value) && value.length === 0);
}

/**
 * Turns the telemetry of onnxruntime off, for this process and those it starts: since 1.30 a session otherwise keeps a device id and a database
 * below the user's cache folder and looks up a host of its vendor. Called before any thread opens a session; nobody can turn it on again.
 */
export function disableRuntimeTelemetry(environment: NodeJS.ProcessEnv = process.env): void {
  environment.ORT_DISABLE_TELEMETRY = '1';
}

/** Whether log lines get colours: NO_COLOR is the users' common switch (no-color.org). */
export function coloursWanted(environment: NodeJS.ProcessEnv = process.env): boolean {
  return (environment.NO_COLOR ?? '') === '';
}

/** One option's text and the name it was given under. */
interface GivenText {
  readonly source: string;
  readonly text: string;
}

function givenText(
  option: OptionSpec<unknown>,
  flags: FlagTexts,
  environment: NodeJS.ProcessEnv,
  warnings: string[],
): GivenText | null {
  const flagText = flags[option.flag];
  if (flagText !== undefined) return { source: `--${option.flag}`, text: flagText };
  const name = environmentName(option);
  const text = environment[name];
  if (text === undefined || (text === '' && option.emptyAllowed !== true)) return null;
  if (isServiceLink(name, text)) {
    warnings.push(`${name}=${text} is ignored: Kubernetes sets it for a service of that name`);
    return null;
  }
  return { source: name, text };
}

function parseOption(option: OptionSpec<unknown>, given: GivenText, problems: string[]): unknown {
  const parsed = option.schema.safeParse(given.text);
  if (parsed.success) return parsed.data;
  const shown = option.secret === true ? '' : `, got '${given.text}'`;
  problems.push(`${given.source} ${parsed.error.issues[0]!.message}${shown}`);
  return undefined;
}

function conflicts(values: Readonly<Record<string, unknown>>): string[] {
  const bothPrompts = typeof values.defaultPrompt === 'string' && typeof values.defaultPromptName === 'string';
  const tooSmall = Number(values.maxInflightBytes) < Number(values.payloadLimitBytes);
  return [
    ...(bothPrompts ? ['--default-prompt and --default-prompt-name exclude each other'] : []),
    ...(tooSmall ? ['--max-inflight-bytes must be at least --payload-limit'] : []),
  ];
}

/** A docker-style link: `CROSSRANK_PORT=tcp://10.0.0.1:8800`. */
function isServiceLink(name: string, text: string): boolean {
  return name.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//i.test(text);
}

/** The other variables Kubernetes sets for services called crossrank or crossrank-something; none of them can be meant as an option. */
const SERVICE_LINK_NAME = /^CROSSRANK_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/;

function unknownVariableWarnings(environment: NodeJS.ProcessEnv): string[] {
  const known = optionEntries().map(([, option]) => environmentName(option));
  return Object.keys(environment)
    .filter((name) => name.startsWith('CROSSRANK_') && !known.includes(name) && !SERVICE_LINK_NAME.test(name))
    .filter((name) => !isServiceLink(name, environment[name] ?? ''))
    .sort()
    .map((name) => `${name} is not a setting${didYouMean(name, known, (nearest) => nearest)}`);
}

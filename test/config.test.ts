// Configuration: precedence, ranges, all problems at once, Kubernetes' variables, and the README's table.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { defaultInflightLimit, defaultPayloadLimit, processMemory } from '../src/config/body-memory.ts';
import { configTableMarkdown, environmentName, optionEntries } from '../src/config/options.ts';
import { coloursWanted, hubSettings, libraryHubOptions, loadConfig, modelName, printableConfig } from '../src/config.ts';
import { EMBEDDED_MODEL_DIRECTORY } from '../src/embedded-model.ts';
import { usableCores } from '../src/limits.ts';
import { repoRoot } from './helpers/paths.ts';

/** The developer may be logged in. */
const NO_TOKEN = { HF_TOKEN_PATH: '/nonexistent' };

test('defaults', () => {
  const { config, warnings } = loadConfig({}, NO_TOKEN);
  assert.deepEqual(config, {
    modelId: null,
    revision: null,
    servedModelName: null,
    strictModel: false,
    onnxFile: null,
    dtype: 'float32',
    prepared: true,
    cacheDirectory: join(homedir(), '.cache', 'crossrank'),
    hubCacheDirectory: join(homedir(), '.cache', 'huggingface', 'hub'),
    offline: false,
    hfToken: null,
    maxLength: null,
    pairTemplate: null,
    defaultPromptName: null,
    defaultPrompt: null,
    processes: 1,
    workers: usableCores(),
    workerNice: 10,
    cpuMemArena: true,
    hostname: '127.0.0.1',
    port: 8800,
    dialect: null,
    payloadLimitBytes: defaultPayloadLimit(processMemory(1)),
    maxInflightBytes: defaultInflightLimit(processMemory(1), defaultPayloadLimit(processMemory(1))),
    maxClientBatchSize: 10_000,
    requestTimeoutSeconds: 60,
    maxQueueSeconds: 30,
    bodyTimeoutSeconds: 60,
    headersTimeoutSeconds: 60,
    keepAliveTimeoutSeconds: 75,
    drainTimeoutSeconds: 30,
    drainDelaySeconds: 0,
    apiKeys: [],
    fileApiKeys: [],
    corsAllowOrigins: ['loopback'],
    allowedHosts: [],
    answerTimeoutSeconds: 30,
    processTimeoutSeconds: 30,
    prometheusPort: null,
    metricsAuth: true,
    otlpEndpoint: null,
    otlpServiceName: 'crossrank',
    logLevel: 'info',
    jsonOutput: null,
  });
  assert.deepEqual(warnings, []);
  assert.ok(Object.isFrozen(config));
  assert.equal(modelName(config), EMBEDDED_MODEL_DIRECTORY);
  assert.equal(EMBEDDED_MODEL_DIRECTORY, join(repoRoot, 'models/crossrank-mini'));
});

test('the bounds on bodies follow from the memory of a process, and the largest body always fits', () => {
  const MIB = 2 ** 20;
  const rows = [
    // memory, V8's heap -> payload limit, in-flight limit; MiB
    [64 * 1024, 4144, 32, 1036],
    [4096, 2096, 32, 512],
    [2048, 1048, 32, 256],
    [1024, 536, 32, 134], // Kubernetes' base
    [512, 268, 16, 67],
    [100, 60, 3, 15],
    [10, 60, 1, 4],
  ] as const;
  for (const [memory, heap, payload, inflight] of rows) {
    const process = { memoryBytes: memory * MIB, heapBytes: heap * MIB };
    const payloadBytes = defaultPayloadLimit(process);
    assert.equal(payloadBytes / MIB, payload, `${memory}`);
    assert.equal(
      defaultInflightLimit(process, payloadBytes) / MIB,
      Math.max(4 * payload, Math.min(Math.floor(memory / 8), inflight)),
    );
  }
  assert.equal(defaultInflightLimit({ memoryBytes: 1024 * MIB, heapBytes: 536 * MIB }, 100 * MIB), 400 * MIB);
  const one = loadConfig({}, {}).config;
  const two = loadConfig({ processes: '256' }, {}).config;
  assert.ok(two.maxInflightBytes <= one.maxInflightBytes && two.payloadLimitBytes <= one.payloadLimitBytes);
  assert.equal(loadConfig({ 'payload-limit': '400000000' }, {}).config.maxInflightBytes >= 1_600_000_000, true);
});

test('several processes share the cores, and each has a worker at least', () => {
  const workers = (flags: Readonly<Record<string, string>>) => loadConfig(flags, {}).config.workers;
  assert.equal(workers({ processes: '2' }), Math.max(1, Math.floor(usableCores() / 2)));
  assert.equal(workers({ processes: '256' }), Math.max(1, Math.floor(usableCores() / 256)));
  assert.equal(workers({ processes: '2', workers: '3' }), 3);
  assert.throws(() => loadConfig({ processes: '0' }, {}), /^RerankError: --processes must be an integer from 1 to 256, got '0'$/);
});

test('a flag wins over its variable, a variable over the default', () => {
  const environment = { CROSSRANK_PORT: '9000', CROSSRANK_WORKERS: '3' };
  assert.deepEqual(pick(loadConfig({ port: '9001' }, environment).config), { port: 9001, workers: 3 });
  assert.deepEqual(pick(loadConfig({ port: undefined }, environment).config), { port: 9000, workers: 3 });
});

test('every problem is told at once, with the name it was given under', () => {
  const flags = {
    port: 'x',
    workers: '0',
    'request-timeout': '-1',
    'cpu-mem-arena': 'maybe',
    'cors-allow-origin': 'shop.example',
    'allowed-host': 'https://shop.example',
    'model-id': ' ',
  };
  const environment = { CROSSRANK_LOG_LEVEL: 'loud', CROSSRANK_PAYLOAD_LIMIT: '1e6' };
  assert.throws(() => loadConfig(flags, environment, ['unknown option --prot']), {
    code: 'config',
    message: [
      'unknown option --prot',
      "--model-id must not be empty, got ' '",
      "--workers must be an integer from 1 to 1024, got '0'",
      "--cpu-mem-arena must be on or off, got 'maybe'",
      "--port must be an integer from 0 to 65535, got 'x'",
      "CROSSRANK_PAYLOAD_LIMIT must be an integer from 1 to 512000000, got '1e6'",
      "--request-timeout must be a number of seconds from 0.001 to 86400, got '-1'",
      "--cors-allow-origin must be '*', loopback, or origins such as https://shop.example, without a path, got 'shop.example'",
      "--allowed-host must be '*' or host names such as rank.shop.example, without scheme and port, got 'https://shop.example'",
      "CROSSRANK_LOG_LEVEL must be one of error, warn, info, debug, got 'loud'",
    ].join('\n'),
  });
});

test('numbers outside their range or form are refused', () => {
  for (const port of ['-1', '65536', '80.5', '', ' 80', '0x50', '1e3', '99999999999999999999']) {
    assert.throws(() => loadConfig({ port }, {}), /--port must be an integer from 0 to 65535/, port);
  }
  for (const seconds of ['', 'abc', '0', '1e9', 'Infinity', 'NaN', '86401', '1,5']) {
    assert.throws(() => loadConfig({ 'request-timeout': seconds }, {}), /--request-timeout must be a number of seconds/, seconds);
  }
  assert.equal(loadConfig({ 'request-timeout': '.5', 'drain-timeout': '0' }, {}).config.requestTimeoutSeconds, 0.5);
});

test('switches and lists', () => {
  for (const on of ['on', 'true', 'YES', '1']) assert.equal(loadConfig({ 'json-output': on }, {}).config.jsonOutput, true);
  for (const off of ['off', 'false', 'No', '0'])
    assert.equal(loadConfig({}, { CROSSRANK_JSON_OUTPUT: off }).config.jsonOutput, false);
  const origins = (text: string) => loadConfig({}, { CROSSRANK_CORS_ALLOW_ORIGIN: text }).config.corsAllowOrigins;
  assert.deepEqual(origins('https://a.example, http://localhost:3000'), ['https://a.example', 'http://localhost:3000']);
  assert.deepEqual(origins('loopback,moz-extension://0-a'), ['loopback', 'moz-extension://0-a']);
  assert.deepEqual(origins(''), [], 'empty means none');
});

test('other empty variables count as not set', () => {
  assert.equal(loadConfig({}, { CROSSRANK_PORT: '', CROSSRANK_MODEL_ID: '' }).config.port, 8800);
});

test('a pair template is inline JSON or a file', (t) => {
  const template = { prefix: 'Q: ', separator: '\nD: ', suffix: '\nA:' };
  const directory = mkdtempSync(join(tmpdir(), 'crossrank-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'template.json');
  writeFileSync(file, JSON.stringify(template));
  for (const text of [JSON.stringify(template), file]) {
    assert.deepEqual(loadConfig({ 'pair-template': text }, {}).config.pairTemplate, template);
  }
  assert.deepEqual(loadConfig({ 'pair-template': '{"separator":"x"}' }, {}).config.pairTemplate, {
    prefix: '',
    separator: 'x',
    suffix: '',
  });
  for (const text of ['{', '{"prefix":1}', '{"infix":"x"}', '/no/such/file', '[]']) {
    assert.throws(() => loadConfig({ 'pair-template': text }, {}), /--pair-template must be JSON/, text);
  }
});

test('two kinds of default prompt exclude each other', () => {
  const flags = { 'default-prompt': 'query: ', 'default-prompt-name': 'web' };
  assert.throws(() => loadConfig(flags, {}), { message: '--default-prompt and --default-prompt-name exclude each other' });
});

test("Kubernetes' service variables are no settings", () => {
  const { config, warnings } = loadConfig(
    {},
    {
      CROSSRANK_PORT: 'tcp://10.0.0.1:8800',
      CROSSRANK_SERVICE_HOST: '10.0.0.1',
      CROSSRANK_SERVICE_PORT: '8800',
      CROSSRANK_SERVICE_PORT_HTTP: '8800',
      CROSSRANK_PORT_8800_TCP: 'tcp://10.0.0.1:8800',
      CROSSRANK_PORT_8800_TCP_ADDR: '10.0.0.1',
      CROSSRANK_PORT_8800_TCP_PORT: '8800',
      CROSSRANK_PORT_8800_TCP_PROTO: 'tcp',
      CROSSRANK_CACHE_PORT: 'tcp://10.0.0.2:6379',
      HOSTNAME: 'pod-7',
    },
  );
  assert.equal(config.port, 8800);
  assert.equal(config.hostname, '127.0.0.1');
  assert.deepEqual(warnings, ['CROSSRANK_PORT=tcp://10.0.0.1:8800 is ignored: Kubernetes sets it for a service of that name']);
});

test('unknown variables are told with the nearest name', () => {
  const { warnings } = loadConfig({}, { CROSSRANK_WORKER: '2', CROSSRANK_TELEMETRY: '1', OTHER: 'x' });
  assert.deepEqual(warnings, [
    'CROSSRANK_TELEMETRY is not a setting',
    'CROSSRANK_WORKER is not a setting; did you mean CROSSRANK_WORKERS?',
  ]);
});

test('flags and variables are unique, and every option has its help', () => {
  const flags = optionEntries().map(([, option]) => option.flag);
  assert.equal(new Set(flags).size, flags.length);
  assert.ok(
    optionEntries().every(([, { help, fallbackText, placeholder }]) => help !== '' && fallbackText !== '' && placeholder !== ''),
  );
  assert.equal(environmentName({ flag: 'max-client-batch-size' }), 'CROSSRANK_MAX_CLIENT_BATCH_SIZE');
});

test('the documented defaults are the defaults', () => {
  for (const [, option] of optionEntries()) {
    const value = option.fallback({});
    const isOfMachine = ['workers', 'payload-limit', 'max-inflight-bytes'].includes(option.flag);
    if (typeof value === 'number' && !isOfMachine) assert.equal(option.fallbackText, String(value), option.flag);
  }
});

test('the configuration can be printed, and NO_COLOR is honoured', () => {
  const { config } = loadConfig({}, NO_TOKEN);
  assert.deepEqual(printableConfig(config), { ...config });
  assert.deepEqual([coloursWanted({}), coloursWanted({ NO_COLOR: '1' }), coloursWanted({ NO_COLOR: '' })], [true, false, true]);
});

test('secrets are not printed', () => {
  const { config } = loadConfig({ 'hf-token': 'hf_secret' }, {});
  assert.equal(config.hfToken, 'hf_secret');
  assert.equal(printableConfig(config)['hfToken'], '***');
  assert.throws(
    () => loadConfig({ 'hf-token': ' ' }, {}),
    ({ message }: Error) => message === '--hf-token must not be empty',
  );
});

test("the hub's variables mean what they mean to huggingface_hub", (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'crossrank-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const cache = (environment: NodeJS.ProcessEnv) => loadConfig({}, environment).config.hubCacheDirectory;
  const home = homedir();
  assert.equal(cache({ HF_HOME: '/hf' }), '/hf/hub');
  assert.equal(cache({ HF_HOME: '/hf', HUGGINGFACE_HUB_CACHE: '/old' }), '/old');
  assert.equal(cache({ HF_HUB_CACHE: '/new', HUGGINGFACE_HUB_CACHE: '/old' }), '/new');
  assert.equal(cache({ XDG_CACHE_HOME: '/xdg' }), '/xdg/huggingface/hub');
  assert.equal(cache({ HF_HOME: '~/hf', NAME: 'x' }), join(home, 'hf/hub'));
  assert.equal(cache({ HF_HUB_CACHE: '$PLACE/$' + '{NAME}/$NONE', PLACE: '/p', NAME: 'n' }), '/p/n/$NONE');
  assert.equal(cache({ HF_HUB_CACHE: '/hf', SENTENCE_TRANSFORMERS_HOME: '/st' }), '/st');
  assert.equal(cache({ HF_HUB_CACHE: '/hf', CROSSRANK_HUGGINGFACE_HUB_CACHE: '/own' }), '/own');

  const offline = (environment: NodeJS.ProcessEnv, flags = {}) => loadConfig(flags, environment).config.offline;
  for (const on of ['1', 'on', 'YES', 'True']) assert.equal(offline({ HF_HUB_OFFLINE: on }), true, on);
  assert.equal(offline({ TRANSFORMERS_OFFLINE: '1' }), true);
  assert.deepEqual(
    [offline({ HF_HUB_OFFLINE: '0', TRANSFORMERS_OFFLINE: '1' }), offline({}), offline({}, { offline: 'on' })],
    [false, false, true],
  );
  assert.equal(offline({ HF_HUB_OFFLINE: '1' }, { offline: 'off' }), false);

  writeFileSync(join(directory, 'token'), 'hf_file\n');
  const token = (environment: NodeJS.ProcessEnv) => loadConfig({}, environment).config.hfToken;
  assert.equal(token({ HF_HOME: directory }), 'hf_file');
  assert.equal(token({ HF_HOME: '/none', HF_TOKEN_PATH: join(directory, 'token') }), 'hf_file');
  assert.equal(token({ HF_HOME: directory, HF_TOKEN: ' hf_env\n', HUGGING_FACE_HUB_TOKEN: 'hf_old' }), 'hf_env');
  assert.equal(token({ HF_HOME: directory, HUGGING_FACE_HUB_TOKEN: 'hf_old' }), 'hf_old');
  assert.equal(token({ HF_HOME: directory, HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' }), null);
});

test('how the hub is reached', () => {
  const { config } = loadConfig({ 'huggingface-hub-cache': 'relative' }, { HF_TOKEN: 'hf_x' });
  const plain = hubSettings(config, {});
  assert.deepEqual(
    [plain.endpoint, plain.token, plain.cacheDirectory, plain.offline],
    ['https://huggingface.co', 'hf_x', join(process.cwd(), 'relative'), false],
  );
  assert.deepEqual(plain.proxies, { http: '', https: '', none: '' });
  assert.match(plain.userAgent, /^crossrank\/\d+\.\d+\.\d+; node\/\d+\.\d+\.\d+$/);
  const environment = {
    HF_ENDPOINT: 'https://mirror.example/hf/',
    HTTPS_PROXY: 'http://p:1',
    http_proxy: 'http://q:2',
    no_proxy: 'localhost',
    HF_HUB_USER_AGENT_ORIGIN: 'shop',
    HF_HUB_DOWNLOAD_TIMEOUT: '5',
  };
  const { endpoint, proxies, userAgent, stallMs } = hubSettings(config, environment);
  assert.deepEqual(
    [endpoint, proxies, stallMs],
    ['https://mirror.example/hf', { http: 'http://q:2', https: 'http://p:1', none: 'localhost' }, 5000],
  );
  assert.match(userAgent, /; origin\/shop$/);
  assert.equal(hubSettings(config, { ALL_PROXY: 'http://a:3' }).proxies.https, 'http://a:3');
  for (const wrong of ['mirror.example', 'ftp://x', 'http://'])
    assert.throws(() => hubSettings(config, { HF_ENDPOINT: wrong }), {
      code: 'config',
      message: `HF_ENDPOINT must be an http or https address, got '${wrong}'`,
    });
});

test("the library's options: what is given, else the command line's variables, else the shared ones", () => {
  const environment = { HF_HUB_OFFLINE: '1', HF_HUB_CACHE: '/shared', CROSSRANK_HUGGINGFACE_HUB_CACHE: '/own', HF_HOME: '/none' };
  assert.deepEqual(libraryHubOptions({}, environment), { hubCacheDirectory: '/own', offline: true, hfToken: null });
  assert.deepEqual(libraryHubOptions({ offline: false, hfToken: 'hf_y' }, environment), {
    hubCacheDirectory: '/own',
    offline: false,
    hfToken: 'hf_y',
  });
  assert.throws(() => libraryHubOptions({}, { CROSSRANK_OFFLINE: 'maybe' }), {
    code: 'config',
    message: "CROSSRANK_OFFLINE must be on or off, got 'maybe'",
  });
});

test('the README holds the configuration table as it is', () => {
  const readme = readFileSync(join(repoRoot, 'README.md'), 'utf8');
  assert.ok(readme.includes(configTableMarkdown()), `README.md must contain this table:\n\n${configTableMarkdown()}\n`);
});

function pick({ port, workers }: { readonly port: number; readonly workers: number }) {
  return { port, workers };
}

// A stand-in hub, a cache of its own and recorded events for each test.

import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { TestContext } from 'node:test';
import type { HubEvent, HubSettings } from '../../../src/model/hub/hub-settings.ts';
import { type ResolvedModel, type ResolveOptions, resolveModel } from '../../../src/model/hub/resolve-model.ts';
import { oracleModel } from '../../helpers/oracle.ts';
import { filesOf, StandInHub } from '../../helpers/stand-in-hub.ts';

export const ID = 'oracle/bert';

export interface Setting {
  readonly hub: StandInHub;
  readonly cache: string;
  readonly settings: HubSettings;
  readonly events: HubEvent[];
  /** Resolves {@link ID}, or what the options say. */
  readonly resolve: (options?: Partial<ResolveOptions>, settings?: Partial<HubSettings>) => Promise<ResolvedModel>;
}

/** A hub that has the oracle's model `bert` as {@link ID}, and an empty cache. */
export async function setUp(
  t: TestContext,
  files: Readonly<Record<string, Buffer | string>> = filesOf(oracleModel('bert')),
): Promise<Setting> {
  const hub = await StandInHub.start();
  const cache = mkdtempSync(join(tmpdir(), 'crossrank-hub-'));
  t.after(async () => {
    await hub.stop();
    rmSync(cache, { recursive: true, force: true });
  });
  hub.add(ID, files);
  const events: HubEvent[] = [];
  const settings = settingsFor(hub.endpoint, cache);
  const resolve = (options: Partial<ResolveOptions> = {}, changed: Partial<HubSettings> = {}): Promise<ResolvedModel> =>
    resolveModel({
      model: ID,
      revision: null,
      onnxFile: null,
      settings: () => ({ ...settings, ...changed }),
      signal: new AbortController().signal,
      onEvent: (event) => events.push(event),
      ...options,
    });
  return { hub, cache, settings, events, resolve };
}

export function settingsFor(endpoint: string, cacheDirectory: string): HubSettings {
  return {
    endpoint,
    token: null,
    cacheDirectory,
    offline: false,
    userAgent: 'crossrank/test',
    proxies: { http: '', https: '', none: '' },
    stallMs: 400,
    retryMs: 5,
  };
}

/** Every file and link below a directory: `path` or `path -> target`, sorted. */
export function listing(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      const name = relative(directory, path);
      return entry.isSymbolicLink() ? `${name} -> ${readlinkSync(path)}` : name;
    })
    .sort();
}

export function kinds(events: readonly HubEvent[]): string[] {
  return events.map(({ kind }) => kind).filter((kind) => kind !== 'progress');
}

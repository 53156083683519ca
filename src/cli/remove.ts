// The command `crossrank remove MODEL`: takes a model out of the hub's cache, with the copies prepared from it.

import { resolve } from 'node:path';
import { Argument, Command, Option } from 'commander';
import { type Config, loadConfig } from '../config.ts';
import { planRemoval, type Removal, remove } from '../model/hub/cache-removal.ts';
import { CachedRepo } from '../model/hub/cached-repo.ts';
import { parseModel } from '../model/hub/model-id.ts';
import { byteText } from './byte-text.ts';
import { type CopyOnDisk, copyStore, findModelsOnDisk, isFrom } from './cached-models.ts';
import { addSomeConfigFlags, readSomeConfigFlags } from './config-flags.ts';
import { CommandError, exitCodesHelp } from './exit-codes.ts';

const KEYS = ['revision', 'hubCacheDirectory', 'cacheDirectory'] as const;

const NOTES = `
Everything the cache holds of the model goes, files of Python tools included. Of a directory only the prepared copies go, never the
directory itself. Nothing is asked.`;

export function removeCommand(): Command {
  const command = new Command('remove')
    .description('remove a cached model and its prepared copies')
    .addArgument(new Argument('<model>', 'organisation/name; a bare name gets cross-encoder/; or a directory'))
    .addOption(new Option('--dry-run', 'only tell what would be removed'));
  addSomeConfigFlags(command, KEYS).addOption(new Option('--verbose', 'causes and stacks of errors'));
  command.addHelpText('after', `${NOTES}\n${exitCodesHelp()}`);
  return command.action(async (model: string, { dryRun = false }: { readonly dryRun?: boolean }) => {
    const { config } = loadConfig(readSomeConfigFlags(command, KEYS));
    const plan = await planAll(model, { ...config, hubCacheDirectory: resolve(config.hubCacheDirectory) });
    if (!dryRun) await carryOut(plan, config);
    process.stdout.write(planText(plan, dryRun));
  });
}

interface Plan {
  readonly removal: Removal | null;
  readonly copies: readonly CopyOnDisk[];
}

/** @throws CommandError `model` when nothing of the model is there */
async function planAll(model: string, config: Config): Promise<Plan> {
  const reference = parseModel(model);
  const { hubCacheDirectory, revision } = config;
  const removal = reference.kind === 'hub' ? planRemoval(hubCacheDirectory, reference.id, revision) : null;
  const { models, otherCopies } = await findModelsOnDisk(config);
  const all = [...otherCopies, ...models.flatMap((each) => each.copies)];
  const places =
    reference.kind === 'directory'
      ? [resolve(reference.directory)]
      : placesOf(removal, hubCacheDirectory, reference.id, revision);
  const copies = all.filter(({ copy }) => places.some((place) => isFrom(copy, place)));
  if (removal !== null || copies.length > 0) return { removal, copies };
  const what =
    reference.kind === 'hub' ? `${reference.id} is not cached in ${hubCacheDirectory}` : `${model} has no prepared copies`;
  throw new CommandError('model', `nothing to remove: ${what}`);
}

/** Directories whose copies go with a model of the hub. */
function placesOf(removal: Removal | null, cacheDirectory: string, id: string, revision: string | null): string[] {
  const repo = new CachedRepo(cacheDirectory, id);
  return removal === null || revision === null ? [repo.directory] : removal.commits.map((commit) => repo.snapshot(commit));
}

async function carryOut({ removal, copies }: Plan, config: Config): Promise<void> {
  const store = copyStore(config);
  for (const { copy } of copies) await store.remove(copy);
  if (removal !== null) await remove(removal);
}

function planText({ removal, copies }: Plan, dryRun: boolean): string {
  const [removed, freed] = dryRun ? ['would remove', 'would free'] : ['removed', 'freed'];
  const commits = removal?.commits.map((commit) => commit.slice(0, 12)).join(', ') || 'an unfinished download';
  const lines = [
    ...(removal === null ? [] : [`${removed} ${removal.id} (${commits}): ${byteText(removal.freedBytes)}`]),
    ...copies.map(({ copy, bytes }) => `${removed} the prepared copy ${copy.directory}: ${byteText(bytes)}`),
    `${freed} ${byteText((removal?.freedBytes ?? 0) + copies.reduce((sum, { bytes }) => sum + bytes, 0))}`,
  ];
  return `${lines.join('\n')}\n`;
}

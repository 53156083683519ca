// Builds a kustomization as `kustomize build` does, for the few features deploy/kubernetes uses; anything else is an error, never ignored.

import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { parseAllDocuments } from 'yaml';

export type Fields = { [name: string]: unknown };

/** An object of the API, as a manifest states it. */
export interface Manifest extends Fields {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Fields & { readonly name: string };
}

interface Kustomization {
  readonly resources?: readonly string[];
  readonly components?: readonly string[];
  readonly configMapGenerator?: readonly { readonly name: string; readonly behavior?: string; readonly literals: string[] }[];
  readonly patches?: readonly { readonly path: string }[];
  readonly images?: readonly { readonly name: string; readonly newTag: string }[];
}

const FIELDS = ['apiVersion', 'kind', 'resources', 'components', 'configMapGenerator', 'patches', 'images'];

/** What tells the members of a list apart in a strategic merge; a list that is not here is replaced. */
const MERGE_KEYS: Readonly<Record<string, string>> = {
  containers: 'name',
  initContainers: 'name',
  volumes: 'name',
  env: 'name',
  volumeMounts: 'mountPath',
};

type ReadText = (path: string) => string;

const readDisk: ReadText = (path) => readFileSync(path, 'utf8');

/**
 * The objects of a kustomization, without the hash that kustomize puts behind generated names.
 *
 * @param read gives the text of a file; tests put another in its place
 * @throws Error that names the file: a resource, patch or component that is not there, a patch without object, an unknown field
 */
export function build(directory: string, read: ReadText = readDisk): Manifest[] {
  return accumulate([], directory, read);
}

/** @param objects what a component finds already there; it changes them in place */
function accumulate(objects: Manifest[], directory: string, read: ReadText): Manifest[] {
  const file = join(directory, 'kustomization.yaml');
  const kustomization = oneDocument(file, read) as Kustomization;
  const unknown = Object.keys(kustomization).filter((field) => !FIELDS.includes(field));
  if (unknown.length > 0) throw new Error(`${file}: ${unknown.join(', ')} is not known here`);
  const path = (name: string): string => normalize(join(directory, name));
  for (const name of kustomization.resources ?? []) {
    for (const each of resources(path(name), read)) add(objects, each, file);
  }
  for (const name of kustomization.components ?? []) accumulate(objects, path(name), read);
  for (const each of kustomization.configMapGenerator ?? []) generate(objects, each, file);
  for (const { path: name } of kustomization.patches ?? []) patch(objects, path(name), read);
  for (const { name, newTag } of kustomization.images ?? []) setTag(objects, name, newTag);
  return objects;
}

function resources(path: string, read: ReadText): Manifest[] {
  return existsSync(path) && statSync(path).isDirectory() ? build(path, read) : documents(path, read);
}

/** @throws Error on what is no YAML, a repeated key included */
export function documents(path: string, read: ReadText = readDisk): Manifest[] {
  return parseAllDocuments(read(path), { strict: true, uniqueKeys: true }).map((document) => {
    const [problem] = [...document.errors, ...document.warnings];
    if (problem !== undefined) throw new Error(`${path}: ${problem.message}`);
    return document.toJS() as Manifest;
  });
}

function oneDocument(path: string, read: ReadText): Manifest {
  const [only, ...more] = documents(path, read);
  if (only === undefined || more.length > 0) throw new Error(`${path}: one document is expected`);
  return only;
}

function add(objects: Manifest[], object: Manifest, file: string): void {
  if (objects.some((each) => same(each, object))) throw new Error(`${file}: ${nameOf(object)} is there twice`);
  objects.push(object);
}

function same(one: Manifest, other: Manifest): boolean {
  return one.apiVersion === other.apiVersion && one.kind === other.kind && one.metadata.name === other.metadata.name;
}

function nameOf({ kind, metadata }: Manifest): string {
  return `${kind}/${metadata.name}`;
}

type Generator = NonNullable<Kustomization['configMapGenerator']>[number];

function generate(objects: Manifest[], { name, behavior = 'create', literals }: Generator, file: string): void {
  const data = Object.fromEntries(literals.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
  const object: Manifest = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data };
  if (behavior === 'create') {
    add(objects, object, file);
    return;
  }
  const existing = objects.find((each) => same(each, object));
  if (behavior !== 'merge' || existing === undefined) throw new Error(`${file}: ConfigMap ${name} cannot be merged`);
  existing['data'] = { ...(existing['data'] as Fields), ...data };
}

function patch(objects: Manifest[], path: string, read: ReadText): void {
  for (const change of documents(path, read)) {
    const index = objects.findIndex((each) => same(each, change));
    if (index < 0) throw new Error(`${path}: there is no ${nameOf(change)} to patch`);
    objects[index] = merge(objects[index]!, change, path) as Manifest;
  }
}

function merge(base: Fields, change: Fields, path: string): Fields {
  const merged = { ...base };
  for (const [name, value] of Object.entries(change)) {
    if (name === '$patch' || value === null) throw new Error(`${path}: ${name}: removals are not known here`);
    const old = base[name];
    if (isFields(value) && isFields(old)) merged[name] = merge(old, value, path);
    else if (Array.isArray(value) && Array.isArray(old) && MERGE_KEYS[name] !== undefined)
      merged[name] = mergeList(old, value, MERGE_KEYS[name], path);
    else merged[name] = value;
  }
  return merged;
}

function mergeList(base: readonly Fields[], change: readonly Fields[], key: string, path: string): Fields[] {
  const merged = [...base];
  for (const each of change) {
    const index = merged.findIndex((old) => old[key] === each[key]);
    if (index < 0) merged.push(each);
    else merged[index] = merge(merged[index]!, each, path);
  }
  return merged;
}

function setTag(objects: readonly Manifest[], image: string, tag: string): void {
  for (const container of objects.flatMap(containersOf)) {
    if (String(container['image']).split(':')[0] === image) container['image'] = `${image}:${tag}`;
  }
}

/** Containers of a Deployment or Job, initial ones first. */
export function containersOf(object: Manifest): Fields[] {
  const spec = (object['spec'] as { template?: { spec?: Record<string, Fields[]> } } | undefined)?.template?.spec;
  return [...(spec?.['initContainers'] ?? []), ...(spec?.['containers'] ?? [])];
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// Holds manifests against the API schemas of Kubernetes (kubernetes-models), where a field the API does not have is an error too.

import { Deployment } from 'kubernetes-models/apps/v1';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import { Job } from 'kubernetes-models/batch/v1';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { ConfigMap, PersistentVolumeClaim, Service, ServiceAccount } from 'kubernetes-models/v1';
import type { Fields, Manifest } from './kustomize.ts';

const MODELS = [
  ConfigMap,
  Deployment,
  HorizontalPodAutoscaler,
  Job,
  NetworkPolicy,
  PersistentVolumeClaim,
  PodDisruptionBudget,
  Service,
  ServiceAccount,
];

/** Whether there is a schema; custom resources have none here. */
export function hasSchema({ apiVersion, kind }: Manifest): boolean {
  return modelOf(apiVersion, kind) !== undefined;
}

/** What is wrong with an object, one line a problem; empty when nothing is. @throws Error for a kind without schema */
export function problemsOf(object: Manifest): string[] {
  const model = modelOf(object.apiVersion, object.kind);
  if (model === undefined) throw new Error(`no schema of ${object.apiVersion} ${object.kind}`);
  const reads = new Reads();
  try {
    model.prototype.validate.call(reads.watch(object, ''));
  } catch (error) {
    return [(error as Error).message]; // what it did not get to read says nothing now
  }
  return reads.unread().map((path) => `${path} is not in the schema`);
}

function modelOf(apiVersion: string, kind: string): (typeof MODELS)[number] | undefined {
  return MODELS.find((model) => model.apiVersion === apiVersion && model.kind === kind);
}

/**
 * The compiled validators know every field of the schema and pass over all others. They collect every problem before they end, so each
 * field they know is read: one that nobody read is one the API does not have, a misspelt one above all.
 */
class Reads {
  readonly #objects = new Map<string, { readonly object: Fields; readonly read: Set<string> }>();

  watch<T extends object>(object: T, path: string): T {
    const { read } = this.#entry(object as Fields, path);
    return new Proxy(object, {
      get: (target, name, receiver) => {
        const value: unknown = Reflect.get(target, name, receiver);
        if (typeof name === 'symbol') return value;
        read.add(name);
        return typeof value === 'object' && value !== null ? this.watch(value, `${path}/${name}`) : value;
      },
    });
  }

  unread(): string[] {
    return [...this.#objects].flatMap(([path, { object, read }]) =>
      Object.keys(object)
        .filter((name) => !read.has(name))
        .map((name) => `${path}/${name}`),
    );
  }

  /** An object is watched once a read, so the reads are kept by path. */
  #entry(object: Fields, path: string): { readonly read: Set<string> } {
    const entry = this.#objects.get(path) ?? { object, read: new Set<string>() };
    this.#objects.set(path, entry);
    return entry;
  }
}

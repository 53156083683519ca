// What a built overlay deploys, by kind, with the questions the rules ask of it.

import type { IDeployment } from 'kubernetes-models/apps/v1';
import type { IHorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import type { IJob } from 'kubernetes-models/batch/v1';
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1';
import type { IConfigMap, IContainer, IPodTemplateSpec, IService } from 'kubernetes-models/v1';
import type { Manifest } from './kustomize.ts';

export type Labels = Readonly<Record<string, string>>;

export class Deployed {
  readonly objects: readonly Manifest[];

  constructor(objects: readonly Manifest[]) {
    this.objects = objects;
  }

  get deployment(): IDeployment {
    return this.#only<IDeployment>('Deployment');
  }

  get service(): IService {
    return this.#only<IService>('Service');
  }

  get budget(): IPodDisruptionBudget {
    return this.#only<IPodDisruptionBudget>('PodDisruptionBudget');
  }

  get autoscaler(): IHorizontalPodAutoscaler {
    return this.#only<IHorizontalPodAutoscaler>('HorizontalPodAutoscaler');
  }

  /** Pod templates of the server and of every Job. */
  get templates(): readonly IPodTemplateSpec[] {
    return [this.deployment.spec!.template, ...this.all<IJob>('Job').map(({ spec }) => spec!.template)];
  }

  get containers(): readonly IContainer[] {
    return this.templates.flatMap(({ spec }) => [...(spec!.initContainers ?? []), ...spec!.containers]);
  }

  get server(): IContainer {
    return this.deployment.spec!.template.spec!.containers.find(({ name }) => name === 'server')!;
  }

  /** CROSSRANK_* variables of the ConfigMap. */
  get settings(): Readonly<Record<string, string>> {
    return this.#only<IConfigMap>('ConfigMap').data!;
  }

  /** @throws Error when it is not a number */
  setting(name: string): number {
    const value = Number(this.settings[name] ?? Number.NaN);
    if (!Number.isFinite(value)) throw new Error(`${name} is no number`);
    return value;
  }

  all<T>(kind: string): readonly T[] {
    return this.objects.filter((each) => each.kind === kind) as readonly unknown[] as readonly T[];
  }

  #only<T>(kind: string): T {
    const [only, ...more] = this.all<T>(kind);
    if (only === undefined || more.length > 0) throw new Error(`one ${kind} is expected`);
    return only;
  }
}

/** Whether a selector of labels takes a pod with these. An empty selector takes every pod. */
export function selects(selector: Labels, labels: Labels): boolean {
  return Object.entries(selector).every(([name, value]) => labels[name] === value);
}

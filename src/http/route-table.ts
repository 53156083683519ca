// Pure: dialects -> the paths of the server, who takes what on each of them, and whose wording errors have. Knows no Express.

import { RerankError } from '../errors.ts';
import type { Dialect, Route } from './dialects/dialect.ts';

/** A route and whose it is. */
export interface Claim {
  readonly dialect: Dialect;
  readonly route: Route;
}

/** One method of one path. */
export class MountedRoute {
  readonly claims: readonly Claim[];
  /** Takes what nobody claims, and words what fails before the body is understood. */
  readonly owner: Claim;

  /** @param preferred the dialect of the path's prefix, or the default one */
  constructor(claims: readonly Claim[], preferred: Dialect | null) {
    const own = claims.filter(({ dialect }) => dialect === preferred);
    this.claims = [...own, ...claims.filter(({ dialect }) => dialect !== preferred)];
    this.owner = unclaiming(own) ?? own[0] ?? unclaiming(claims) ?? claims[0]!;
  }

  /** Who takes a body. */
  claimOf(body: unknown): Claim {
    return this.claims.find(({ route }) => route.claims?.(body) === true) ?? this.owner;
  }
}

/** A path as it is served, with its prefix: method -> route. */
export interface MountedPath {
  readonly path: string;
  readonly methods: ReadonlyMap<Route['method'], MountedRoute>;
}

export class RouteTable {
  /** In order of precedence. */
  readonly dialects: readonly Dialect[];
  readonly paths: readonly MountedPath[];
  /** Names of the dialects served below a prefix of their own. */
  readonly prefixes: readonly string[];
  readonly #byPath: ReadonlyMap<string, MountedPath>;
  readonly #byPrefix: ReadonlyMap<string, Dialect>;
  readonly #fallback: Dialect;

  /**
   * @param dialects    in order of precedence
   * @param defaultName the dialect preferred on shared paths; null leaves them to the order
   * @throws RerankError `config` when no dialect has that name
   */
  constructor(dialects: readonly Dialect[], defaultName: string | null) {
    const preferred = defaultName === null ? null : dialectNamed(dialects, defaultName);
    const prefixed = dialects.filter((dialect) => dialect.prefixed);
    this.dialects = dialects;
    this.paths = [
      ...mount(dialects, '', preferred),
      ...prefixed.flatMap((dialect) => mount([dialect], `/${dialect.name}`, dialect)),
    ];
    this.prefixes = prefixed.map(({ name }) => name);
    this.#byPath = new Map(this.paths.map((mounted) => [mounted.path, mounted]));
    this.#byPrefix = new Map(prefixed.map((dialect) => [dialect.name, dialect]));
    this.#fallback = preferred ?? dialects[0]!;
  }

  /** Whose wording errors have until the body is understood: that of the path, else of its prefix, else the default. */
  dialectOf(method: string, path: string): Dialect {
    const normal = path.toLowerCase().replace(/(?<=.)\/$/, '');
    const methods = this.#byPath.get(normal)?.methods;
    const asked = method === 'GET' || method === 'HEAD' ? methods?.get('GET') : methods?.get('POST');
    const mounted = asked ?? methods?.values().next().value;
    return mounted?.owner.dialect ?? this.#byPrefix.get(normal.split('/', 2)[1] ?? '') ?? this.#fallback;
  }
}

/** The dialect `--dialect` asks for. @throws RerankError `config` when none has that name */
export function dialectNamed(dialects: readonly Dialect[], name: string): Dialect {
  const found = dialects.find((dialect) => dialect.name === name.toLowerCase());
  if (found !== undefined) return found;
  throw new RerankError(
    'config',
    `--dialect must be one of ${dialects.map((dialect) => dialect.name).join(', ')}, got '${name}'`,
  );
}

function unclaiming(claims: readonly Claim[]): Claim | undefined {
  return claims.find(({ route }) => route.claims === undefined);
}

function mount(dialects: readonly Dialect[], prefix: string, preferred: Dialect | null): MountedPath[] {
  const claims = dialects.flatMap((dialect) => dialect.routes.map((route) => ({ dialect, route })));
  const byPath = groupBy(claims, ({ route }) => (prefix !== '' && route.path === '/' ? prefix : prefix + route.path));
  return Array.from(byPath, ([path, onPath]) => {
    const byMethod = groupBy(onPath, ({ route }) => route.method);
    return { path, methods: new Map(Array.from(byMethod, ([method, list]) => [method, new MountedRoute(list, preferred)])) };
  });
}

/** Map.groupBy, which Node 20 lacks. */
function groupBy<Item, Key>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

// Sizes as people read them.

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `512 B`, `1.5 MiB`, `1.04 GiB` */
export function byteText(bytes: number): string {
  const { unit, size } = byteUnit(bytes);
  if (unit === 'B') return `${bytes} B`;
  return `${(bytes / size).toFixed(unit === 'KiB' || unit === 'MiB' ? 1 : 2)} ${unit}`;
}

/** The unit in which `bytes` is a small number, and its size. */
export function byteUnit(bytes: number): { readonly unit: string; readonly size: number } {
  const power = bytes < 1024 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  return { unit: UNITS[power]!, size: 1024 ** power };
}

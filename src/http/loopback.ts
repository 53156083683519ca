// Pure: which host names mean this machine.

import { isIP } from 'node:net';

/** `localhost`, `x.localhost`, 127.0.0.0/8, `::1`; with or without the brackets of an address in a URL. */
export function isLoopback(hostname: string): boolean {
  const name = bare(hostname);
  if (isIP(name) === 4) return name.startsWith('127.');
  return name === '::1' || name === 'localhost' || name.endsWith('.localhost');
}

/** Whether it is an address, not a name: nobody can make an address lead elsewhere. */
export function isAddress(hostname: string): boolean {
  return isIP(bare(hostname)) !== 0;
}

/** The name in a `Host` header, lower case, without port and closing dot; null for what is none. */
export function hostnameOf(header: string): string | null {
  const name = /^(\[[\da-f:.]+\]|[^\s:/@[\]]+)(?::\d*)?$/i.exec(header)?.[1];
  return name === undefined ? null : bare(name);
}

function bare(hostname: string): string {
  return hostname
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/(?<=.)\.$/, '');
}

// Pure: committed results -> the table the READMEs show. A test ties them, so no figure stands there that no result holds.

import type { Wanted } from '../part.ts';
import { figure } from './figure.ts';

interface PartFile {
  readonly wanted: readonly Wanted[];
}

interface PeersFile {
  readonly library: { readonly documents: number; readonly systems: readonly PeerFigures[] };
  readonly service: readonly {
    readonly documents: number;
    readonly connections: number;
    readonly systems: readonly PeerFigures[];
  }[];
}

interface PeerFigures {
  readonly peer: string;
  readonly documents_per_second: number;
  readonly ratio: number;
}

/** Parts whose wanted figures make a table of their own. */
export const LOAD_PARTS = ['load', 'mixed', 'faults', 'soak'] as const;

/** One row a wanted ratio: measured beside its aim. */
export function ratiosTable(parts: readonly PartFile[]): string {
  return wantedTable('Ratio', parts);
}

/** One row a wanted figure of the parts under load. @param parts of {@link LOAD_PARTS}, those that were measured */
export function loadTable(parts: readonly PartFile[]): string {
  return wantedTable('Under load', parts);
}

function wantedTable(title: string, parts: readonly PartFile[]): string {
  const rows = parts.flatMap(({ wanted }) =>
    wanted.flatMap(({ name, measured, target }) => (measured === null ? [] : [`| ${name} | ${figure(measured)} | ${target} |`])),
  );
  return [`| ${title} | Measured | Aim |`, '|---|---|---|', ...rows].join('\n');
}

/** One row a peer and load: documents a second of both. */
export function peersTable({ library, service }: PeersFile): string {
  const rows = [
    ...peerRows(`library, ${library.documents} documents a call`, library.systems),
    ...service.flatMap(({ documents, connections, systems }) =>
      peerRows(`HTTP, ${connections} connections, ${documents} documents`, systems),
    ),
  ];
  return ['| Load | Peer | Peer, documents/s | crossrank, documents/s | Times as fast |', '|---|---|---|---|---|', ...rows].join(
    '\n',
  );
}

function peerRows(load: string, [ours, ...others]: readonly PeerFigures[]): string[] {
  return others.map(({ peer, documents_per_second: theirs, ratio }) =>
    [`| ${load}`, peer, figure(theirs), figure(ours!.documents_per_second), `${figure(ratio)} |`].join(' | '),
  );
}

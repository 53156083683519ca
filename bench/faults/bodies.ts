// Requests of three sizes whose right answer is known beforehand, from the library and not through any proxy.

import { CrossEncoder } from '../../src/cross-encoder.ts';
import type { Shot } from '../load/shot.ts';
import { EMBEDDED_MODEL } from '../paths.ts';

export type Size = 'small' | '200 KB' | '5 MB';

/** Few long documents instead of thousands of short ones: it is the bodies that are tried, and scoring stays short. */
const SHAPES: Readonly<Record<Size, { readonly documents: number; readonly bytes: number }>> = {
  small: { documents: 6, bytes: 600 },
  '200 KB': { documents: 4, bytes: 200_000 },
  '5 MB': { documents: 5, bytes: 5_000_000 },
};

export const SIZES = Object.keys(SHAPES) as readonly Size[];

const QUERY = 'what is a panda?';

const SENTENCES = [
  'The giant panda is a bear native to China.',
  'Paris is the capital of France, and its largest city.',
  'A reranker reads the query and the document together.',
  'Pandas eat bamboo for most of the day.',
  'Rivers carry water from the mountains to the sea.',
  'The panda bear sleeps after it has eaten.',
  'Bread is made of flour, water, salt and yeast.',
];

/** One request of each size, with the scores it must be answered with. */
export async function knownRequests(): Promise<Readonly<Record<Size, Shot>>> {
  await using model = await CrossEncoder.load(EMBEDDED_MODEL, { workers: 1 });
  const shots: [Size, Shot][] = [];
  for (const size of SIZES) {
    const documents = documentsOf(SHAPES[size]);
    const scores = await model.predict(documents.map((text) => [QUERY, text] as const));
    const body = JSON.stringify({ query: QUERY, documents });
    shots.push([
      size,
      { label: size, path: '/rank', body, documents: documents.length, expect: { status: 200, scores: [...scores] } },
    ]);
  }
  return Object.fromEntries(shots) as Record<Size, Shot>;
}

/** Every document begins with other sentences, so that each has a score of its own. */
function documentsOf({ documents, bytes }: { readonly documents: number; readonly bytes: number }): string[] {
  const length = Math.floor(bytes / documents);
  return Array.from({ length: documents }, (_, i) => {
    const start = Array.from({ length: 4 }, (_each, j) => SENTENCES[(i * (j + 1) + j) % SENTENCES.length]).join(' ');
    const text = `${i}: ${start} `;
    return text.repeat(Math.ceil(length / text.length)).slice(0, length);
  });
}

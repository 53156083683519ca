// HEALTHCHECK of the image: ends with 0 when /health, or the path given, answers 200. A port set by flag instead of variable is not seen.

const given = process.env.CROSSRANK_PORT ?? '';
const port = /^\d+$/.test(given) ? given : '8800'; // Kubernetes sets tcp://... for a service of that name
const path = process.argv[2] ?? '/health';

try {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(4000) });
  if (!answer.ok) throw new Error(`${path} answers ${answer.status}`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

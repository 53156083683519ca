// HEALTHCHECK of the image: ends with 0 when /health answers 200. The port is the one of the environment; one given by flag is not seen.

const given = process.env.CROSSRANK_PORT ?? '';
const port = /^\d+$/.test(given) ? given : '8800'; // Kubernetes sets tcp://... for a service of that name

try {
  const answer = await fetch(`http://127.0.0.1:${port}/health`, { signal: AbortSignal.timeout(4000) });
  if (!answer.ok) throw new Error(`/health answers ${answer.status}`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

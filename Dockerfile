# crossrank for linux/amd64 and linux/arm64. Not for Alpine: onnxruntime has no binaries for musl.
#   docker build -t crossrank .
#   docker run --rm --read-only --tmpfs /tmp -p 127.0.0.1:8800:8800 -v crossrank:/data crossrank

FROM node:24-bookworm-slim AS base
WORKDIR /build/crossrank
COPY package.json package-lock.json .npmrc ./

# The package as `npm run package` makes it: compiled code and the embedded model, no sources, tests or source maps.
FROM base AS package
COPY scripts/task.mjs scripts/
RUN node scripts/task.mjs install
COPY . .
RUN npm run --silent package && mkdir /app && tar -xzf build/crossrank-*.tgz -C /app --strip-components=1

# Production dependencies, their bill of materials and licences; then what no server loads goes.
FROM base AS dependencies
ARG TARGETARCH
RUN npm ci --omit=dev
COPY scripts/image scripts/image
# Without the development dependencies in package.json: npm would miss them in node_modules.
RUN mkdir /licenses && npm pkg delete devDependencies \
    && npm sbom --sbom-format cyclonedx --sbom-type application --omit dev > /licenses/sbom.cdx.json \
    && node scripts/image/licences.mjs node_modules > /licenses/THIRD_PARTY_LICENSES \
    && node scripts/image/prune-modules.mjs node_modules "${TARGETARCH:-$(dpkg --print-architecture)}"

FROM node:24-bookworm-slim
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="crossrank" \
      org.opencontainers.image.description="Cross-encoder reranking over HTTP, with the scores of sentence-transformers" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="docker.io/library/node:24-bookworm-slim"

# Nothing is installed at run time. /data: models of the hub and packed copies, for a volume.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn* /opt/yarn* \
    && mkdir -p /data/huggingface /data/crossrank && chown -R 1000:1000 /data
COPY --from=dependencies /licenses /licenses
COPY LICENSE NOTICE /licenses/
COPY --from=dependencies /build/crossrank/node_modules /app/node_modules
COPY scripts/image/healthcheck.mjs /app/
COPY --from=package /app /app

ENV NODE_ENV=production \
    CROSSRANK_HOSTNAME=0.0.0.0 \
    CROSSRANK_CACHE_DIR=/data/crossrank \
    HF_HOME=/data/huggingface
VOLUME /data
EXPOSE 8800
# A number, so that Kubernetes can tell that it is not root.
USER 1000:1000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["node", "/app/healthcheck.mjs"]
# No shell in between: signals reach node, which handles them as process 1 and leaves no orphans, so no init is needed.
ENTRYPOINT ["node", "/app/dist/src/main.js"]
CMD ["serve"]

# Builds Keyturn's image; docs/image.md says how to build it reproducibly, pin both base images by digest, verify and sign it.
#
#   docker build -t keyturn \
#     --build-arg BUILD_IMAGE=docker.io/library/node:26-trixie-slim@sha256:… \
#     --build-arg RUNTIME_IMAGE=gcr.io/distroless/nodejs26-debian13:nonroot@sha256:… .
#
# Any image with Node 24 or newer (`node` on PATH or in /nodejs/bin) will do for RUNTIME_IMAGE: nothing is run in it here.
ARG BUILD_IMAGE=docker.io/library/node:26-trixie-slim
ARG RUNTIME_IMAGE=gcr.io/distroless/nodejs26-debian13:nonroot

FROM ${BUILD_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# The image brings its own Node; the optional packages would only add a second one. The lock file holds every digest.
RUN npm ci --omit=dev --omit=optional --ignore-scripts
COPY LICENSE ./
COPY scripts ./scripts
COPY config ./config
COPY workers ./workers
COPY src ./src
# One moment for every file, so that two builds of one commit are the same bytes.
ARG SOURCE_DATE_EPOCH=0
RUN node --disable-warning=ExperimentalWarning scripts/image/assemble.ts /out/app

FROM ${RUNTIME_IMAGE}
ARG RUNTIME_IMAGE
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="keyturn" \
      org.opencontainers.image.description="Rotates Anthropic (Claude) API keys on a schedule and never leaves an application without a working key." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${RUNTIME_IMAGE}"
COPY --from=build /out/app /app
WORKDIR /app
# No prototype is reached through __proto__, no debugger by signal, and no report of a crash has the environment in it.
ENV NODE_ENV=production \
    NODE_OPTIONS="--disable-proto=throw --disable-sigusr1 --report-exclude-env" \
    KEYTURN_CONFIG=/etc/keyturn/keyturn.yaml \
    PATH=/nodejs/bin:/usr/local/bin:/usr/bin:/bin
# Numeric, so that Kubernetes can check runAsNonRoot.
USER 65532:65532
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
# For Docker and Compose; Kubernetes has probes of its own. There is no shell in here.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["node", "/app/src/cli/health-check.js"]
ENTRYPOINT ["node", "/app/src/cli/main.js"]
CMD ["serve"]

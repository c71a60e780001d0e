# syntax=docker/dockerfile:1
FROM node:26-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The image brings its own Node; the optional packages would only add a second one.
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM node:26-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY config ./config
COPY workers ./workers
COPY src ./src
# Numeric, so that Kubernetes can check runAsNonRoot.
USER 1000:1000
EXPOSE 8080 9090
ENTRYPOINT ["node", "/app/src/cli/main.ts"]
CMD ["serve"]

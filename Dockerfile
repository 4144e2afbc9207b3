# syntax=docker/dockerfile:1
# One image for every app: the gateway by default, the others by command (docker-compose.yml shows each).

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# With the optional packages, since the compiler's program for this platform is one of them; none of it gets into the image.
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund
COPY .swcrc ./
COPY libs ./libs
COPY apps ./apps
RUN npx --no-install swc libs apps -d dist --quiet --ignore '**/*.spec.ts'

FROM node:24-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# The optional packages are the engines of apps/local, 600 MB that nothing needs where PostgreSQL and ClickHouse are servers.
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --omit=optional --no-audit --no-fund

FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY package.json ./
COPY --from=packages /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
# A volume that is put here takes over whose folder it is.
RUN install -d -o 1000 -g 1000 -m 0700 /var/lib/access-governance/reports
# The account node, by number so that a cluster can see that it is not root. The files stay root's: the process cannot change its own code.
USER 1000:1000
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.API_PORT || 8000) + '/v1/health/live').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# V8 would come to make arrays of rows where only a collection of the whole heap finds them, and each holds its page until then.
CMD ["node", "--enable-source-maps", "--no-allocation-site-pretenuring", "dist/apps/gateway/src/main.js"]

import { defineConfig } from "vitest/config";

/** Two projects: `quick` needs nothing but Node and npm; `long` needs servers that `.ci/run` installs. */
export default defineConfig({
  test: {
    pool: "forks",
    maxWorkers: 2,
    // The quick tests start no processes that outlive them; a forgotten handle must not hang a run for ever.
    teardownTimeout: 10_000,
    coverage: { provider: "v8", include: ["src/**", "workers/**", "config/**"] },
    projects: [
      {
        test: {
          name: "quick",
          include: ["test/**/*.test.ts"],
          exclude: ["test/**/*.long.test.ts"],
          testTimeout: 10_000,
        },
      },
      {
        test: {
          name: "long",
          include: ["test/**/*.long.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 300_000,
          // They share servers, ports and two cores.
          fileParallelism: false,
        },
      },
    ],
  },
});

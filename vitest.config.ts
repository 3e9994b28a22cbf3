import { defineConfig } from "vitest/config";

// Unit tests run on the sources, without a build: the packages' `annals-source` export points there.
// Integration tests start the built command and so need `tsc -b`, which `pnpm test` runs first.
export default defineConfig({
  ssr: { resolve: { conditions: ["annals-source", "module", "node", "default"] } },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["packages/*/test/**/*.test.ts", "scripts/**/*.test.ts"],
          // By default one core is left to whoever watches, which is half of a machine with two.
          maxWorkers: "100%",
          // Only for what hangs: a machine that does other things beside may take long.
          testTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: {
          name: "integration",
          include: ["integration-tests/**/*.test.ts"],
          // Their processes wait for elections, timeouts and disks most of the time.
          maxWorkers: "100%",
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});

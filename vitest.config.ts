import { configDefaults, defineConfig } from "vitest/config";

// Unit tests run on the sources, without a build: the packages' `annals-source` export points there.
// Integration tests start the built command and so need `tsc -b`, which `pnpm test` runs first.
// Whether the programs that measure still run takes minutes of both cores: `pnpm test:figures`.
const FIGURES = [
  "integration-tests/figures.test.ts",
  "integration-tests/bench.test.ts",
  "packages/testing/kit/test/benches.test.ts",
];

// Installs what is released from the npm registry: `pnpm test:packages`.
const PACKAGES = ["integration-tests/packages/**/*.test.ts"];

export default defineConfig({
  ssr: { resolve: { conditions: ["annals-source", "module", "node", "default"] } },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["packages/*/*/test/**/*.test.ts", "scripts/**/*.test.ts"],
          // `exclude` replaces the default, without which the links in node_modules are walked round and round.
          exclude: [...configDefaults.exclude, ...FIGURES],
          // By default one core is left to whoever watches, which is half of a machine with two.
          maxWorkers: "100%",
          // Only for what hangs: a machine that does other things beside may take long.
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: "integration",
          include: ["integration-tests/**/*.test.ts"],
          exclude: [...configDefaults.exclude, ...FIGURES, ...PACKAGES],
          // Their processes wait for elections, timeouts and disks most of the time.
          maxWorkers: "100%",
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: { name: "figures", include: FIGURES, testTimeout: 120_000, hookTimeout: 60_000 },
      },
      {
        extends: true,
        test: { name: "packages", include: PACKAGES, testTimeout: 120_000, hookTimeout: 120_000 },
      },
    ],
  },
});

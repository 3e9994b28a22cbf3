import { isBuiltin } from "node:module";
import { rolldown } from "rolldown";
import type { Plugin } from "rolldown";

/** A browser has no module of Node: a bundle that needs one is none. */
const WITHOUT_NODE: Plugin = {
  name: "without-node",
  resolveId: (specifier, importer) => {
    if (isBuiltin(specifier)) throw new Error(`${importer} needs ${specifier} of Node`);
  },
};

/** A module and all that it imports as one script for a browser; its exports become the global `name`. Rejects for what no browser runs. */
export async function bundleForBrowser(input: string, name: string): Promise<string> {
  const bundle = await rolldown({
    input,
    platform: "browser",
    resolve: { conditionNames: ["annals-source", "browser", "import", "default"] },
    plugins: [WITHOUT_NODE],
    // Rolldown would otherwise leave out what it cannot find, and warn.
    onLog: (_level, log) => {
      throw new Error(log.message);
    },
  });
  const { output } = await bundle.generate({ format: "iife", name });
  await bundle.close();
  if (output.length !== 1) throw new Error(`one script is expected, found ${output.length} files`);
  return output[0].code;
}

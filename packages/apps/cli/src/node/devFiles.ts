import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig, memoryBudget, standardMemoryLimit } from "@annals/config";
import { CliError } from "../program/cliError.ts";

/** A cluster on loopback and where it keeps its data. */
export interface DevLayout {
  readonly directory: string;
  readonly configFile: string;
  readonly nodes: readonly { readonly id: string; readonly port: number; readonly url: string }[];
}

const HEADER = "# Written by `annals dev`.";
const NODE_IDS = "abcdefghijklmnopqrstuvwxyz";
export const DEV_NODES_MAX = 9;

export function devLayout(directory: string, nodeCount: number, firstPort: number): DevLayout {
  return {
    directory,
    configFile: join(directory, "annals.yaml"),
    nodes: Array.from({ length: nodeCount }, (_, index) => ({
      id: NODE_IDS[index] ?? "",
      port: firstPort + index,
      url: `http://127.0.0.1:${firstPort + index}`,
    })),
  };
}

/** For a machine that cannot hold the default caps once per node. Slower under load, and as safe. */
const SMALL_CAPS = `workers: { count: 1, maxHeapBytes: 44MiB, maxQueueBytes: 3MiB }
ingest: { maxBodyBytes: 1MiB, maxPendingBytes: 2MiB }
raft: { maxUncommittedBytes: 4MiB, maxCommittedBytes: 1MiB }
query: { maxHeldBytes: 2MiB }
http: { maxConnections: 192 }
subscribe: { maxStreams: 8, maxHeldBytes: 1MiB }
replication:
  append: { maxBytes: 1MiB, maxInflightBytes: 2MiB }
  maxMessageBytes: 1280KiB
  receive: { maxQueueBytes: 2MiB }
  blob: { chunkBytes: 64KiB }
`;

/** The file of a cluster whose nodes share `memoryBytes`. */
export function configText({ nodes }: DevLayout, memoryBytes: number): string {
  const lines = nodes.map(({ id, port }) => `  ${id}: 127.0.0.1:${port}`);
  const limit = Math.floor(memoryBytes / nodes.length);
  const text =
    `${HEADER}\ncluster: dev\nnodes:\n${lines.join("\n")}\ndata: ./\${node}\n` +
    `memory: { limit: ${limit}B }\n`;
  return fits(text) ? text : `${text}# The default caps do not fit this machine.\n${SMALL_CAPS}`;
}

function fits(text: string): boolean {
  const loaded = loadConfig({ text, env: {}, anyNode: true });
  return loaded.ok && memoryBudget(loaded.config).bytes <= loaded.config.memory.limit;
}

/** Makes the directory and its configuration. What an earlier cluster left is kept, unless `fresh`. */
export function prepareDevFiles(layout: DevLayout, fresh: boolean): void {
  const { directory, configFile, nodes } = layout;
  const before = existsSync(configFile) ? readFileSync(configFile, "utf8") : undefined;
  if (before !== undefined && !before.startsWith(HEADER)) {
    throw new CliError("ERR_DEV_FOREIGN", `${configFile} was not written by annals dev`, {
      hint: "choose another directory: --data DIR",
    });
  }
  if (fresh && before !== undefined) {
    // Only what is known to be ours: a wrong --data must not cost anybody's files.
    for (const id of NODE_IDS) {
      rmSync(join(directory, id), { recursive: true, force: true });
      rmSync(join(directory, `${id}.log`), { force: true });
      rmSync(join(directory, `${id}.log.old`), { force: true });
    }
    rmSync(configFile);
  }
  const kept = fresh ? undefined : before;
  const countBefore = kept?.match(/^ {2}[a-z]: 127/gm)?.length;
  if (countBefore !== undefined && countBefore !== nodes.length) {
    throw new CliError(
      "ERR_DEV_NODES",
      `the data in ${directory} is of ${countBefore} nodes, not ${nodes.length}`,
      {
        hint: `say --nodes ${countBefore}, or --fresh to begin anew`,
      },
    );
  }
  mkdirSync(directory, { recursive: true });
  writeFileSync(configFile, configText(layout, standardMemoryLimit()));
}

/**
 * Goal: clients never take the files that storage and links need: a node that could be brought there says so before it starts, with both
 * numbers. Method: the loader with limits of every size, and a process with the least limit that is allowed, whose clients hold every
 * place while segments are rolled.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  assertDescriptors,
  configValue,
  descriptorLimit,
  descriptorRows,
  descriptorsNeeded,
  loadConfig,
  shapeOf,
} from "@annals/config";
import type { Shape } from "@annals/config";
import { freePort, until } from "@annals/fake-server";
import { mustLoad } from "@annals/kit";
import { expect, it } from "vitest";

const THREE = `data: /tmp/annals
nodes: { a: "127.0.0.1:1", b: "127.0.0.1:2", c: "127.0.0.1:3" }
workers: { count: 2 }
`;
const KEYS = ["http.maxConnections", "http.maxConnectionsPerAddress", "subscribe.maxStreams"];

function load(maxOpenFiles: number, flags: Readonly<Record<string, string>> = {}) {
  const loaded = loadConfig({ text: THREE, env: {}, node: "a", flags, maxOpenFiles });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded;
}

it("the limit is the one of the process", () => {
  expect(descriptorLimit()).toBeGreaterThan(0);
});

it("defaults are lowered until they fit, and say so; with room they are as documented", () => {
  const roomy = load(1_000_000);
  expect(KEYS.map((key) => configValue(roomy.config, key))).toEqual([1024, 512, 256]);
  for (const limit of [1024, 1500, 2048, 3000]) {
    const { config, origin } = load(limit);
    expect(descriptorsNeeded(config)).toBeLessThanOrEqual(limit);
    expect(() => assertDescriptors(config, shapeOf(config), limit)).not.toThrow();
    const kind = config.http.maxConnections < 1024 ? "fitted" : "default";
    expect(KEYS.map((key) => origin.get(key)?.kind)).toEqual([kind, kind, kind]);
  }
  expect(load(1024).config.http.maxConnections).toBeLessThan(1024);
});

it("what was given is never lowered: the node is refused with both numbers and the keys", () => {
  const { config } = load(1024, { "http.maxConnections": "1000" });
  expect(config.http.maxConnections).toBe(1000);
  const needed = descriptorsNeeded(config);
  expect(() => assertDescriptors(config, shapeOf(config), 1024)).toThrow(
    new RegExp(`${needed} files open, and its limit is 1024: .*1000 \\(http.maxConnections\\)`),
  );
});

it.each([40, 64, 128, 256])("a limit of %i is refused by name, whatever is lowered", (limit) => {
  const { config } = load(limit);
  const assertion = (): void => assertDescriptors(config, shapeOf(config), limit);
  expect(assertion).toThrow(expect.objectContaining({ code: "ERR_OPEN_FILES_LIMIT" }));
});

it("every log needs files of its own", () => {
  const config = mustLoad({ text: THREE, node: "a" });
  const [one, two] = [1, 2].map((logs) => descriptorsNeeded(config, shapeOf(config, logs)));
  expect((two ?? 0) - (one ?? 0)).toBeGreaterThan(48);
  expect(descriptorRows(config).every(({ count }) => count > 0)).toBe(true);
});

it("blobs are read for every worker and written for every other node", () => {
  const { config } = load(1_000_000);
  const blobs = (shape: Partial<Shape>): number =>
    descriptorRows(config, { ...shapeOf(config), ...shape }).find(({ what }) => what === "blobs")
      ?.count ?? 0;
  const one = config.replication.blob.maxConcurrent;
  expect(blobs({ peers: 3 }) - blobs({ peers: 2 })).toBe(one);
  expect(blobs({ workers: 3 }) - blobs({ workers: 2 })).toBe(one);
});

const LINUX = process.platform === "linux";

/** A node of that configuration in a process that may have so many files open. */
function underLimit(limit: number, text: string): ReturnType<typeof spawn> {
  const script = join(import.meta.dirname, "limitedNode.ts");
  const argv = ["--conditions=annals-source", script, text];
  const shell = ["-c", `ulimit -n ${limit} && exec "$0" "$@"`, process.execPath, ...argv];
  return spawn("/bin/sh", shell, { stdio: ["ignore", "pipe", "ignore"] });
}

async function firstLine(child: ReturnType<typeof spawn>): Promise<string> {
  for await (const part of child.stdout ?? []) return String(part).trim();
  return "";
}

it.skipIf(!LINUX)("the process's own limit counts", async () => {
  const child = underLimit(100, "data: /tmp/annals-never");
  expect(await firstLine(child)).toBe("ERR_OPEN_FILES_LIMIT 100");
});

const SMALL = `
workers: { count: 1 }
http: { maxConnections: 24, maxConnectionsPerAddress: 24 }
subscribe: { maxStreams: 4 }
batch: { maxBytes: 16KiB }
ingest: { maxRecordBytes: 16KiB }
replication: { append: { maxBytes: 16KiB }, maxMessageBytes: 128KiB, blob: { chunkBytes: 64KiB } }
storage: { segmentBytes: 128KiB }
`;

it.skipIf(!LINUX)(
  "idle clients up to every cap leave files for the segments that are rolled",
  async () => {
    const directory = await mkdtemp(join(tmpdir(), "annals-files-"));
    const text = `nodes: { a: "127.0.0.1:${await freePort()}" }\ndata: ${directory}\n${SMALL}`;
    const limit = descriptorsNeeded(mustLoad({ text }));
    const child = underLimit(limit, text);
    const sockets: Socket[] = [];
    try {
      const url = await firstLine(child);
      await until(async () => {
        const response = await fetch(`${url}/readyz`).catch(() => undefined);
        return response?.status === 200 ? true : undefined;
      });
      const append = async (): Promise<number> => {
        const body = JSON.stringify({
          actor: { id: "ada" },
          action: "a.b",
          data: { text: "x".repeat(12_000) },
        });
        const headers = { "content-type": "application/json" };
        const response = await fetch(`${url}/v1/logs/audit/records`, {
          method: "POST",
          headers,
          body,
        });
        await response.arrayBuffer();
        return response.status;
      };
      expect(await append()).toBe(200);
      for (let k = 0; k < limit; k++) {
        const socket = connect(Number(new URL(url).port), "127.0.0.1");
        sockets.push(socket.on("error", () => undefined));
        // Every second one is silent.
        if (k % 2 === 0) socket.write("GET /v1/logs HTTP/1.1\r\nhost: x\r\n\r\n");
      }
      const segments = async (): Promise<number> =>
        (await readdir(directory, { recursive: true })).filter((name) => /segment-\d+$/.test(name))
          .length;
      await until(async () => {
        expect(await append()).toBe(200);
        return (await segments()) > 6 ? true : undefined;
      });
    } finally {
      for (const socket of sockets) socket.destroy();
      child.kill("SIGKILL");
      await once(child, "close");
      await rm(directory, { recursive: true, force: true });
    }
  },
  60_000,
);

// Goal: every sink holds out what the conformance kit does to it. Method: the kit, over a database in memory, files in a temporary directory,
// and a receiver of webhooks that keeps to idempotency keys.
import { createHmac } from "node:crypto";
import { cp, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { SINK_CONFORMANCE } from "../src/kit/conformance.ts";
import type { MakeSink, SinkHarness } from "../src/kit/conformance.ts";
import { NdjsonFile } from "../src/ndjson/ndjsonFile.ts";
import { Webhook } from "../src/webhook/webhook.ts";
import { emptyDatabase, MemorySink } from "./memorySink.ts";

async function memoryHarness(): Promise<SinkHarness<unknown>> {
  const database = emptyDatabase();
  const poisoned = new Set<number>();
  let copy = structuredClone(database);
  return {
    sink: () => new MemorySink(database, { poison: (seq) => poisoned.has(seq) }),
    dump: async () => database.rows.map(({ key }) => key).join("\n"),
    poison: (record) => {
      poisoned.add(record.seq);
      return record;
    },
    backup: async () => {
      copy = structuredClone(database);
    },
    restore: async () => void Object.assign(database, copy),
    close: async () => undefined,
  };
}

async function filesHarness(): Promise<SinkHarness<string>> {
  const root = await mkdtemp(join(tmpdir(), "annals-ndjson-"));
  const directory = join(root, "files");
  const lines = async (): Promise<readonly string[]> => {
    const names = (await readdir(directory)).filter((name) => name !== "lock").toSorted();
    const texts = await Promise.all(names.map((name) => readFile(join(directory, name), "utf8")));
    return texts.join("").split("\n");
  };
  return {
    // Small enough that files are rotated.
    sink: () => new NdjsonFile({ directory, rotateBytes: 3_000 }),
    dump: async () => (await lines()).filter((line) => !line.startsWith('{"annals":')).join("\n"),
    backup: () => cp(directory, join(root, "copy"), { recursive: true }),
    restore: async () => {
      await rm(directory, { recursive: true });
      await cp(join(root, "copy"), directory, { recursive: true });
    },
    close: () => rm(root, { recursive: true }),
  };
}

const SECRET = "s3cret";

interface Received {
  readonly records: readonly {
    readonly key: string;
    readonly record: { readonly action: string };
  }[];
}

async function webhookHarness(): Promise<SinkHarness<unknown>> {
  const received = new Map<string, string>();
  const server: Server = createServer((request, response) => {
    void receive(request).then((status) => {
      response.writeHead(status).end();
    });
  });
  async function receive(request: IncomingMessage): Promise<number> {
    const body = await text(request);
    const [, seconds, mac] =
      /^t=(\d+),v1=(\w+)$/.exec(String(request.headers["annals-signature"])) ?? [];
    const wanted = createHmac("sha256", SECRET).update(`${seconds}.${body}`).digest("hex");
    if (mac !== wanted) return 401;
    const { records } = JSON.parse(body) as Received;
    if (records.some(({ record }) => record.action === "poison")) return 422;
    for (const { key, record } of records) received.set(key, JSON.stringify(record));
    return 204;
  }
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const options = {
    url: `http://127.0.0.1:${port}/in`,
    secret: SECRET,
    cluster: "c",
    log: "audit",
  };
  return {
    sink: () => new Webhook({ ...options, now: () => 1_700_000_000_000 }),
    dump: async () => [...received].map(([key, record]) => `${key} ${record}`).join("\n"),
    poison: (record) => ({ ...record, action: "poison" }),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const SINKS: readonly (readonly [string, MakeSink<never>, readonly string[]])[] = [
  ["memory", memoryHarness as MakeSink<never>, []],
  ["ndjson", filesHarness as MakeSink<never>, ["records that cannot be written"]],
  ["webhook", webhookHarness as MakeSink<never>, ["an old copy of the place"]],
];

describe.each(SINKS)("%s", (_name, make, skipped) => {
  test.each(SINK_CONFORMANCE)("$name", async ({ name, run }) => {
    const outcome = await run(make);
    expect(outcome.skipped !== undefined).toBe(skipped.includes(name));
  });
});

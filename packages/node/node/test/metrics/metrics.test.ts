/**
 * Goal: what is served, what the documents say and what the table has are the same metrics, and counters never fall. Method: the table
 * against the page (`vitest -u` writes its section anew), and a server over a node in memory.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { MemoryService, startTestServer } from "@annals/fake-server";
import type { TestServer } from "@annals/fake-server";
import { METRICS } from "@annals/http";
import { afterEach, expect, test } from "vitest";
import { LastingCounts } from "../../src/memory/lastingCounts.ts";

const PAGE = fileURLToPath(new URL("../../../../../docs/operations.md", import.meta.url));
const SECTION =
  /(?<=\n\| Metric \| Kind \| Labels \| Meaning \|\n\| --- \| --- \| --- \| --- \|\n)(?:\|.*\n)*/;

const rows = METRICS.map(
  ({ name, kind, labels, help }) =>
    `| \`${name}\` | ${kind} | ${labels.map((label) => `\`${label}\``).join(", ")} | ${help} |\n`,
).join("");

let server: TestServer | undefined;
afterEach(() => server?.close());

async function scrape(): Promise<string> {
  const response = await fetch(`${server?.url}/metrics`);
  expect(response.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
  return response.text();
}

const valueOf = (text: string, sample: string): number =>
  Number(
    text
      .split("\n")
      .find((line) => line.startsWith(`${sample} `))
      ?.split(" ")[1],
  );

test("docs/operations.md has the table of metrics", () => {
  const page = readFileSync(PAGE, "utf8");
  if (process.env["ANNALS_WRITE_METRICS"] === "1") writeFileSync(PAGE, page.replace(SECTION, rows));
  expect(SECTION.exec(readFileSync(PAGE, "utf8"))?.[0]).toBe(rows);
});

test("what is served has every metric of the table, and no other", async () => {
  server = await startTestServer();
  const served = [...(await scrape()).matchAll(/^# TYPE (\w+) (\w+)$/gm)];
  expect(served.map(([, name, kind]) => [name, kind])).toEqual(
    METRICS.map(({ name, kind }) => [name, kind]),
  );
});

test("each help is a sentence that stands alone, since it is shown alone", () => {
  const helps = METRICS.map(({ help }) => help);
  expect(new Set(helps).size).toBe(helps.length);
  // A pronoun or a relative without its noun leans on the metric above.
  const leaning =
    /^(?:The same|Their|They|It|Its|Of|What|How|That|Those|These|Since|1 if)\b|\bthat they ever\b/;
  const short = /^(?:\S+ ){0,3}\S+$/;
  expect(helps.filter((help) => leaning.test(help) || short.test(help))).toEqual([]);
  expect(helps.filter((help) => !/^[A-Z].*[.]$/.test(help))).toEqual([]);
});

test("names have a unit, and counters say that they are", () => {
  for (const { name, kind } of METRICS) {
    expect(name).toMatch(/^annals_[a-z_]+$/);
    expect([name, name.endsWith("_total")]).toEqual([name, kind === "counter"]);
  }
});

test("an append counts", async () => {
  server = await startTestServer();
  const append = async () => {
    const body = JSON.stringify({ actor: { id: "ada" }, action: "a.b" });
    const headers = { "content-type": "application/json" };
    await (
      await fetch(`${server?.url}/v1/logs/audit/records`, { method: "POST", headers, body })
    ).json();
  };
  await append();
  await append();
  const text = await scrape();
  expect(valueOf(text, 'annals_ingest_accepted_records_total{log="audit"}')).toBe(2);
  expect(valueOf(text, 'annals_log_role{log="audit",role="leader"}')).toBe(1);
  expect(valueOf(text, "annals_process_resident_bytes")).toBeGreaterThan(0);
});

test("groups of the logs that are led here are told of", async () => {
  const service = new MemoryService();
  service.statusNow = { groups: [{ log: "audit", name: "mailer", lag: 12, stuck: 1 }] };
  server = await startTestServer({}, service);
  const text = await scrape();
  expect(valueOf(text, 'annals_group_lag_records{log="audit",group="mailer"}')).toBe(12);
  expect(valueOf(text, 'annals_group_stuck{log="audit",group="mailer"}')).toBe(1);
});

test("what was sent to a node is a histogram over all logs", async () => {
  const service = new MemoryService();
  const [log] = (await service.cluster()).logs;
  if (log === undefined) throw new RangeError("no log");
  const entries = { upTo: { "1": 2, "4": 3, "+Inf": 4 }, sum: 30 };
  const bytes = { upTo: { "1024": 4, "+Inf": 4 }, sum: 900 };
  const sent = { cuts: { entries: 1, bytes: 2, credit: 3 }, entries, bytes };
  const replica = { node: "b", role: "follower", matchIndex: 1, paused: [], sent } as const;
  const logs = ["audit", "other"].map((name) => ({ ...log, name, replicas: [replica] }));
  service.statusNow = { logs };
  server = await startTestServer({}, service);
  const text = await scrape();
  const cuts = (limit: string) => `annals_stream_cuts_total{log="other",node="b",limit="${limit}"}`;
  expect(["entries", "bytes", "credit"].map((one) => valueOf(text, cuts(one)))).toEqual([1, 2, 3]);
  const name = "annals_stream_message_entries";
  expect(valueOf(text, `${name}_bucket{node="b",le="4"}`)).toBe(6);
  expect(valueOf(text, `${name}_bucket{node="b",le="+Inf"}`)).toBe(8);
  expect(valueOf(text, `${name}_sum{node="b"}`)).toBe(60);
  expect(valueOf(text, `${name}_count{node="b"}`)).toBe(8);
});

test("counts of what has ended stay", () => {
  const counts = new LastingCounts<string>();
  counts.read("first", { pause: 3 });
  counts.read("second", { pause: 1, other: 1 });
  counts.keepOnly(["first", "second"]);
  expect(counts.totals()).toEqual({ pause: 4, other: 1 });
  counts.keepOnly(["first"]);
  counts.read("third", { pause: 1 });
  expect(counts.totals()).toEqual({ pause: 5, other: 1 });
});

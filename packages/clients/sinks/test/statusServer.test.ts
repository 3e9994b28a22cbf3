// Goal: the endpoint shows what the runners are up to, and lets them pause, go on and try dead letters again. Method: real requests to a server
// over a runner in memory.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { sampleRecords } from "../src/kit/memoryLog.ts";
import { SinkTrial } from "../src/kit/trial.ts";
import type { SinkStatus } from "../src/run/status.ts";
import { StatusServer } from "../src/statusServer.ts";
import { emptyDatabase, MemorySink } from "./memorySink.ts";
import type { Row } from "./memorySink.ts";

const database = emptyDatabase();
const poison = new Set([4]);
let server: StatusServer;
let abort: AbortController;
let run: Promise<void>;

beforeEach(async () => {
  Object.assign(database, emptyDatabase());
  poison.add(4);
  const sink = (): MemorySink => new MemorySink(database, { poison: (seq) => poison.has(seq) });
  const runner = new SinkTrial<Row>(sink, sampleRecords(10)).runner();
  abort = new AbortController();
  run = runner.run(abort.signal);
  server = await StatusServer.listen({ host: "127.0.0.1", port: 0, runners: [runner] });
  await vi.waitUntil(() => runner.status.position?.seq === 10);
});
afterEach(async () => {
  await server.close();
  abort.abort();
  await run;
});

interface Answer {
  readonly items?: readonly SinkStatus[];
  readonly code?: string;
}

async function ask(method: string, path: string, headers = {}): Promise<[number, Answer & object]> {
  const url = `http://127.0.0.1:${server.port}${path}`;
  const response = await fetch(url, { method, headers });
  return [response.status, (await response.json()) as Answer];
}

test("a sink is listed, shown, paused and resumed", async () => {
  const [status, { items = [] }] = await ask("GET", "/sinks");
  expect(status).toBe(200);
  expect(items).toMatchObject([{ name: "trial", applied: 9, deadLetters: 1, residual: 0 }]);
  const [, paused] = await ask("POST", "/sinks/trial/pause");
  expect(paused.items).toMatchObject([{ state: "paused" }]);
  const [, resumed] = await ask("POST", "/sinks/trial/resume");
  expect(resumed.items).toMatchObject([{ state: "running" }]);
});

test("a sink that is not there is told by its name, and which ones are", async () => {
  for (const [method, verb] of [
    ["POST", "/pause"],
    ["POST", "/retry?seq=1"],
    ["GET", ""],
  ] as const) {
    const [status, answer] = await ask(method, `/sinks/nosuch${verb}`);
    expect([status, answer.code]).toEqual([404, "ERR_SINK_NOT_FOUND"]);
    expect(answer).toMatchObject({ detail: "there is no sink nosuch here; this runner has trial" });
  }
});

test("a dead letter is tried again when it is asked for, and what it says is passed on", async () => {
  const [refused, { code }] = await ask("POST", "/sinks/trial/retry?seq=4");
  expect([refused, code]).toEqual([409, "ERR_SINK"]);
  poison.clear();
  expect((await ask("POST", "/sinks/trial/retry?seq=4"))[0]).toBe(200);
  expect(database.rows.map(({ key }) => key)).toContain("4/0");
  expect(database.cursor?.seq).toBe(10);
  const [, unknown] = await ask("POST", "/sinks/trial/retry?seq=11");
  expect(unknown.code).toBe("ERR_SINK_NO_RECORD");
});

test("the plan of a record is shown, and the metrics are those of the status", async () => {
  expect((await ask("GET", "/sinks/trial/plan?seq=3"))[1]).toEqual({
    seq: 3,
    mutations: [{ key: "3/0", bytes: 13 }],
  });
  const response = await fetch(`http://127.0.0.1:${server.port}/metrics`);
  const text = await response.text();
  expect(text).toContain('annals_sink_applied_total{sink="trial",log="audit",lane="0"} 9\n');
  expect(text).toContain('lane="0",state="running"} 1\n');
  expect(text).toContain(
    'annals_sink_failures_total{sink="trial",log="audit",lane="0",class="conflict"} 0\n',
  );
  for (const name of ["statements_total", "cache_hits_total", "stubs_total", "chunk_items_limit"])
    expect(text).toMatch(new RegExp(`^annals_sink_${name}\\{.*\\} \\d+$`, "m"));
});

test("what a place holds is told where it keeps something, and refused where it does not", async () => {
  const [status, { code }] = await ask("GET", "/sinks/trial/held?lane=0&from=1&to=5");
  expect([status, code]).toEqual([409, "ERR_SINK_NO_COMPARE"]);
});

test("a sink that does not run is not paused, and that is said", async () => {
  abort.abort();
  await run;
  const [status, { code }] = await ask("POST", "/sinks/trial/pause");
  expect([status, code]).toEqual([409, "ERR_SINK_NOT_RUNNING"]);
});

test("what is not there and what comes from a browser's page is refused", async () => {
  expect((await ask("GET", "/sinks/none"))[0]).toBe(404);
  expect((await ask("POST", "/sinks/trial/stop"))[0]).toBe(404);
  const [status] = await ask("POST", "/sinks/trial/pause", { origin: "http://evil.example" });
  expect(status).toBe(403);
});

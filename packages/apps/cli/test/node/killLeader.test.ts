// Goal: the demonstration says "nothing is missing" only when nothing is, and notices when something is missing or double.
import { MemoryService, startTestServer } from "@annals/fake-server";
import type { TestServer } from "@annals/fake-server";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CliRun } from "../harness.ts";

let servers: TestServer[];
let service: MemoryService;

beforeEach(async () => {
  service = new MemoryService();
  servers = [await startTestServer({}, service), await startTestServer({}, service)];
  const nodes = servers.map(({ address }, k) => ({
    id: "ab"[k] ?? "",
    address,
    reachable: true,
    pid: k === 0 ? 4242 : undefined,
    reason: undefined,
    clock: undefined,
  }));
  service.statusNow = { node: "a", nodes };
});
afterEach(() => Promise.all(servers.map((server) => server.close())));

function killLeader(...more: string[]): CliRun {
  const urls = servers.flatMap(({ url }) => ["--url", url]);
  return new CliRun(["dev", "kill-leader", "--records", "20", ...urls, ...more]);
}

describe("annals dev kill-leader", () => {
  test("kills the leader in the middle and finds everything", async () => {
    const run = killLeader();
    let storedAtKill = 0;
    run.onKill = () => (storedAtKill = service.appends.length);
    const out = await run.outcome;
    expect(run.killed).toEqual([4242]);
    expect(storedAtKill).toBeGreaterThan(0);
    expect(storedAtKill).toBeLessThan(20);
    expect(out.code).toBe(0);
    expect(out.stdout).toContain("nothing is missing: 20 appends acknowledged, 20 read back");
    expect(out.stdout).toContain("the log ends at seq 20, without a gap");
  });

  test("exits 20 when an acknowledged record is not there", async () => {
    const append = service.append.bind(service);
    let lied = false;
    service.append = async (log, request) => {
      if (lied || request.producer?.sequence !== 7) return append(log, request);
      lied = true;
      const reply = await append(log, {
        ...request,
        body: Buffer.from('{"actor":{"id":"x"},"action":"other"}'),
      });
      return { ...reply, duplicate: false };
    };
    const out = await killLeader("-o", "json").outcome;
    expect(out.code).toBe(20);
    expect(JSON.parse(out.stdout)).toMatchObject({ acknowledged: 20, missing: 1, duplicated: 0 });
  });

  test("exits 20 when a record is there twice", async () => {
    const append = service.append.bind(service);
    service.append = async (log, request) => {
      if (request.producer?.sequence === 5) await append(log, { ...request, producer: undefined });
      return append(log, request);
    };
    const out = await killLeader("-o", "json").outcome;
    expect(out.code).toBe(20);
    expect(JSON.parse(out.stdout)).toMatchObject({ missing: 0, duplicated: 1 });
  });

  test("kills nothing that is not on this machine", async () => {
    service.statusNow = {
      nodes: [
        {
          id: "a",
          address: "10.0.0.1:7400",
          reachable: true,
          pid: 4242,
          reason: undefined,
          clock: undefined,
        },
      ],
    };
    const run = killLeader();
    const out = await run.outcome;
    expect(out.code).toBe(1);
    expect(out.stderr).toContain("not on this machine");
    expect(run.killed).toEqual([]);
  });
});

// Goal: a dead letter is tried again by the lane that its record belongs to, so that nobody else touches the lane's keys. Method: two lanes of
// a sink, each with a database of its own, behind one endpoint; and lanes of a real log.
import { AnnalsClient } from "@annals/client";
import { expect, test } from "vitest";
import { startTestServer } from "@annals/fake-server";
import { sampleRecords } from "../src/kit/memoryLog.ts";
import { SinkTrial } from "../src/kit/trial.ts";
import { ClientLog } from "../src/log/clientLog.ts";
import { StatusServer } from "../src/statusServer.ts";
import { emptyDatabase, MemorySink } from "./memorySink.ts";

test("whatever lane comes first at the endpoint", async () => {
  const abort = new AbortController();
  const lanes = [0, 1].map((own) => {
    const database = emptyDatabase();
    const trial = new SinkTrial(() => new MemorySink(database), sampleRecords(10));
    const record = trial.log.record.bind(trial.log);
    const ownRecord = (seq: number): ReturnType<typeof record> =>
      seq % 2 === own ? record(seq) : Promise.resolve(undefined);
    Object.assign(trial.log, { ownRecord });
    const runner = trial.runner();
    return { database, runner, run: runner.run(abort.signal) };
  });
  const runners = lanes.map(({ runner }) => runner);
  const server = await StatusServer.listen({ host: "127.0.0.1", port: 0, runners });
  await expect.poll(() => runners.every(({ status }) => status.position?.seq === 10)).toBe(true);
  const retry = async (seq: number): Promise<number> => {
    const url = `http://127.0.0.1:${server.port}/sinks/trial/retry?seq=${seq}`;
    return (await fetch(url, { method: "POST" })).status;
  };
  expect([await retry(4), await retry(7), await retry(11)]).toEqual([200, 200, 409]);
  const twice = lanes.map(({ database }) => database.rows.slice(10).map(({ key }) => key));
  expect(twice).toEqual([["4/0"], ["7/0"]]);
  await server.close();
  abort.abort();
  await Promise.all(lanes.map(({ run }) => run));
});

test("each record is that of one lane", async () => {
  const server = await startTestServer();
  const client = new AnnalsClient({ urls: [server.url] });
  const actors = Array.from({ length: 20 }, (_, k) => ({ actor: { id: `a${k}` }, action: "x" }));
  await client.append("audit", actors);
  const logs = [0, 1, 2].map(
    (k) => new ClientLog({ client, log: "audit", lane: `${k}/3`, laneKey: "actor" }),
  );
  const { signal } = new AbortController();
  const used = new Set<number>();
  for (let seq = 1; seq <= 20; seq++) {
    const found = await Promise.all(logs.map((log) => log.ownRecord(seq, signal)));
    const owners = found.flatMap((record, k) => (record?.seq === seq ? [k] : []));
    expect(owners).toHaveLength(1);
    expect(found.filter((record) => record !== undefined)).toHaveLength(1);
    for (const owner of owners) used.add(owner);
  }
  expect(used.size).toBe(3);
  expect(await logs[0]?.ownRecord(21, signal)).toBe(undefined);
  client.close();
  await server.close();
});

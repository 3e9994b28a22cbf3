// Goal: a group's position and holder survive the death of the log's leader. Method: three nodes, any of which is asked.
import { afterEach, expect, test } from "vitest";
import { TestCluster, until } from "./support/cluster.ts";

let cluster: TestCluster;
afterEach((context) => cluster.closeAfter(context));

interface Answer {
  readonly status: number;
  readonly code?: string;
  readonly token?: number;
  readonly position?: number;
  readonly items?: readonly { readonly lanes: readonly { readonly condition: string }[] }[];
}

async function ask(node: string, path: string, body?: unknown): Promise<Answer> {
  const response = await fetch(`${cluster.url(node)}/v1/logs/audit/groups${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { "content-type": "application/json" },
    body: body === undefined ? null : JSON.stringify(body),
  });
  return { status: response.status, ...((await response.json()) as object) };
}

test("a lane stays with its holder when the leader is killed, and goes to the next when the holder falls silent", async () => {
  cluster = await TestCluster.start({ config: "groups: { lease: 2s }\n" });
  await cluster.untilReady();
  const records = Array.from({ length: 20 }, (_, k) => ({ actor: { id: "x" }, action: `a.${k}` }));
  await cluster.client(...cluster.ids).append("audit", records);
  const [first = "", second = ""] = cluster.ids;
  expect(await ask(first, "", { name: "sinks", settings: "v1" })).toMatchObject({ status: 200 });
  const member = { member: "one", settings: "v1" };
  const { token = 0 } = await ask(second, "/sinks/acquire", member);
  expect(await ask(first, "/sinks/commit", { lane: 0, token, position: 12 })).toMatchObject({
    position: 12,
  });
  expect(await ask(first, "/sinks/acquire", { member: "two", settings: "v1" })).toMatchObject({
    status: 409,
    code: "ERR_GROUP_HELD",
  });
  const leader = await cluster.leader("audit");
  await cluster.kill(leader);
  const alive = cluster.ids.find((id) => id !== leader) ?? "";
  // The token is as good as before.
  await until(async () => {
    const done = await ask(alive, "/sinks/commit", { lane: 0, token, position: 15 });
    return done.position === 15;
  });
  // Nobody renews: after a lease the next one gets it, and the first is fenced off.
  const next = await until(async () => {
    const granted = await ask(alive, "/sinks/acquire", { member: "two", settings: "v1" });
    return granted.status === 200 && granted;
  });
  expect(next).toMatchObject({ position: 15 });
  expect(await ask(alive, "/sinks/commit", { lane: 0, token, position: 16 })).toMatchObject({
    status: 409,
    code: "ERR_GROUP_FENCED",
  });
  const listed = await ask(alive, "");
  expect(listed.items?.[0]?.lanes).toMatchObject([
    { position: 15, lag: 5, member: "two", condition: "moving" },
  ]);
});

// Goal: a graph that a sink has written can be asked, and asking changes nothing. Method: a graph in a file, the command in this process.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openGraph } from "@annals/graph";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cli } from "../harness.ts";

let directory: string;
let url: string;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "annals-graph-"));
  url = `grafeo:${join(directory, "a.graph")}`;
  const graph = await openGraph(url);
  const transaction = await graph.begin(new AbortController().signal);
  await transaction.run("CREATE (:Actor {id: 'ada', at: 1}), (:Actor {id: 'bob'})", {});
  await transaction.commit();
  await graph.close();
});
afterEach(() => rmSync(directory, { recursive: true }));

test("prints rows in each format, with parameters and from files", async () => {
  const file = join(directory, "all.cypher");
  writeFileSync(
    file,
    "// All of them.\nMATCH (a:Actor) RETURN a.id AS id, a.at AS at ORDER BY id\n",
  );
  expect((await cli(["graph", "query", url, "-f", file])).stdout).toBe("ID   AT\nada  1\nbob\n");
  const one = ["graph", "query", url, "MATCH (a:Actor {id: $id}) RETURN a.at AS at"];
  expect((await cli([...one, "--set", "id=ada", "-o", "ndjson"])).stdout).toBe('{"at":1}\n');
  expect(JSON.parse((await cli([...one, "--set", "id=x", "-o", "json"])).stdout)).toEqual({
    items: [],
    next: null,
  });
});

test("takes back what a statement changes, and makes no graph", async () => {
  await cli(["graph", "query", url, "CREATE (a:Actor {id: 'eve'}) RETURN a.id AS id"]);
  const count = ["graph", "query", url, "MATCH (a:Actor) RETURN count(a) AS n", "-o", "ndjson"];
  expect((await cli(count)).stdout).toBe('{"n":2}\n');
  const none = `grafeo:${join(directory, "none")}`;
  expect(await cli(["graph", "query", none, "MATCH (n) RETURN n"])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("ERR_FILE_UNREADABLE") as string,
  });
});

test("says what a database refuses in one line with a code, and no secret of its address", async () => {
  const wrong = await cli(["graph", "query", url, "MATCH nonsense"]);
  expect(wrong.code).toBe(1);
  expect(wrong.stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(wrong.stderr).toMatch(/^annals: grafeo:.*a\.graph: .*\(ERR_GRAPH_REFUSED\)/);
  const away = await cli(["graph", "query", "bolt://u:s3cret@127.0.0.1:7799", "RETURN 1"]);
  expect(away.code).toBe(1);
  expect(away.stderr).toMatch(/^annals: bolt:\/\/127\.0\.0\.1:7799: .*ECONNREFUSED.*\n$/);
  expect(away.stderr).not.toMatch(/s3cret/);
  const verified = await cli(["sink", "verify", "bolt://127.0.0.1:7799"]);
  expect(verified.code).toBe(1);
  expect(verified.stdout).toMatch(/^FAIL constraints and indexes .*ECONNREFUSED/);
  expect(verified.stderr).toBe("");
});

test.each([[[]], [["MATCH (n) RETURN n", "-f", "x"]], [["RETURN 1", "--set", "x"]]])(
  "refuses %j as usage",
  async (args) => {
    expect((await cli(["graph", "query", url, ...args])).code).toBe(2);
  },
);

/**
 * A history as a graph: `pnpm build && pnpm exec node integration-tests/figures/git.ts [--commits N]`. A history that is made up is imported
 * into three nodes, and `annals sink run` writes it into an embedded graph in a file beside the import, a process of its own. Prints one
 * JSON line; exit code 1 unless each record is one event. What the graph answers is held against git by integration-tests/gitGraph.test.ts.
 */
import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { drawPorts } from "@annals/drill";
import { openGraph } from "@annals/graph";
import { numberArgument, programArguments } from "@annals/kit";
import { ENTRY, TestCluster, until } from "../support/cluster.ts";
import { makeRepository } from "../support/madeRepository.ts";
import { exitOf } from "../support/program.ts";
import { SinkProcess } from "./sinkProcess.ts";

const SEED = 20_261_122;

const PROGRAM = "integration-tests/figures/git.ts";
const HELP = `usage: pnpm exec node ${PROGRAM} [--commits N]

A history that is made up, imported into three nodes and followed by an embedded graph.

  --commits N  how many (default 3000)

examples:
  pnpm exec node ${PROGRAM}
  pnpm exec node ${PROGRAM} --commits 300

exit code: 0 each record is one event, 1 not so, 2 wrong usage`;

const { values } = programArguments(PROGRAM, HELP, {
  commits: { type: "string", default: "3000" },
});
const commits = numberArgument(PROGRAM, "--commits", values.commits);

const cluster = await TestCluster.start();
const repository = join(cluster.directory, "made");
makeRepository(repository, commits, SEED);
const file = join(cluster.directory, "sinks.yaml");
const place = `grafeo:${join(cluster.directory, "made.graph")}`;
const urls = cluster.ids.map((id) => cluster.url(id));
await writeFile(
  file,
  `url: [${urls.join(", ")}]\nsinks:\n  git: { to: { graph: { url: "${place}", mapping: git } } }\n`,
);
await cluster.untilReady();
const listen = (await drawPorts(["runner"])).get("runner") ?? "";
const runner = new SinkProcess({ file, listen });
try {
  await measure();
} finally {
  await runner.end();
  await cluster.close();
}

async function measure(): Promise<void> {
  const beganMs = performance.now();
  const args = ["import", "git", repository, ...urls.flatMap((url) => ["--url", url])];
  const code = await exitOf(spawn(process.execPath, [ENTRY, ...args], { stdio: "ignore" }));
  if (code !== 0) throw new Error(`the import ended with ${code}`);
  const { lastSeq: records } = await cluster.untilConverged();
  const { chunks, deadLetters } = await until(async () => {
    const status = await runner.status();
    return status !== undefined && status.applied + status.deadLetters >= records && status;
  });
  const seconds = (performance.now() - beganMs) / 1000;
  await runner.end();
  const events = await eventsIn(place);
  console.log(
    JSON.stringify({
      bench: "git",
      commits,
      records,
      events,
      deadLetters,
      recordsPerSecond: Math.round(records / seconds),
      peakMiB: Math.round(runner.memory.peak),
      itemsMax: chunks.itemsMax,
      bytesMax: chunks.bytesMax,
    }),
  );
  if (events !== records) process.exitCode = 1;
}

async function eventsIn(url: string): Promise<number> {
  const graph = await openGraph(url);
  const transaction = await graph.begin(new AbortController().signal);
  const [row] = await transaction.run("MATCH (e:Event) RETURN count(DISTINCT e.seq) AS n", {});
  await transaction.rollback();
  await graph.close();
  return Number(row?.["n"]);
}

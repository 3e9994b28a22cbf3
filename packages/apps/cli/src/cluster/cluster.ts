import { setTimeout as sleep } from "node:timers/promises";
import type { AnnalsClient, ClusterStatus } from "@annals/client";
import type { Command } from "commander";
import { CliError } from "../program/cliError.ts";
import { examples, withClient, withLog, withOutput } from "../program/context.ts";
import type { CliContext, ClientOptions, OutputOptions } from "../program/context.ts";
import { EXIT } from "../program/exitCodes.ts";
import { formatCount, paint } from "../program/output.ts";
import { renderTable } from "../program/table.ts";
import type { TableLook } from "../program/table.ts";
import { tellOutcome } from "../program/report.ts";

interface HealthOptions extends ClientOptions, OutputOptions {
  readonly watch?: boolean;
  readonly exitWhenHealthy?: boolean;
}

interface NodeReadiness {
  readonly node: string;
  readonly url: string;
  readonly ready: boolean;
  readonly reasons: readonly string[];
  /** Its clock, as the node that was asked sees it. */
  readonly clock?: string;
}

interface ClusterHealth {
  readonly healthy: boolean;
  readonly nodes: readonly NodeReadiness[];
  readonly reasons: readonly string[];
}

const WATCH_MS = 2_000;
const TRANSFER_POLL_MS = 50;

export function registerCluster(program: Command, context: CliContext): void {
  const cluster = program.command("cluster").description("state of the cluster");
  examples(cluster, [
    "annals cluster status",
    "annals cluster health --watch --exit-when-healthy",
    "annals cluster transfer-leader --log audit --to b",
  ]);

  withOutput(
    withClient(cluster.command("status").description("nodes, logs, leaders and replicas")),
  ).action(async (options: ClientOptions & OutputOptions) => {
    const status = await context.client(options).cluster({ signal: context.interrupt });
    const format = context.format(options);
    if (format === "json") return context.printJson(status);
    if (format === "ndjson") return context.print(`${JSON.stringify(status)}\n`);
    return context.print(statusText(status, context.look));
  });

  withOutput(
    withClient(
      cluster
        .command("health")
        .description("whether every node serves; exits 10 if not, with the reasons")
        .option("--watch", "again every two seconds until Ctrl-C")
        .option("--exit-when-healthy", "with --watch: end when all is well"),
    ),
  ).action((options: HealthOptions) => health(context, options));

  withOutput(
    withClient(
      withLog(
        cluster
          .command("transfer-leader")
          .description("hand the leadership of a log to another node")
          .option("--to <node>", "to this node instead of the most caught-up one"),
      ),
    ),
  ).action((options: TransferOptions) => transfer(context, options));
}

type TransferOptions = ClientOptions & OutputOptions & { log: string; to?: string };

/** Waits until another node leads: until the one that was asked for does. */
async function transfer(context: CliContext, options: TransferOptions): Promise<void> {
  const { log, to } = options;
  const client = context.client(options);
  const before = await leaderOf(client, log, context.interrupt);
  await client.transferLeadership(log, to, { signal: context.interrupt });
  const deadline = performance.now() + context.timeoutMs(options);
  const isDone = (leader: string | undefined): boolean =>
    leader !== undefined && (to === undefined ? leader !== before : leader === to);
  let leader = await leaderOf(client, log, context.interrupt);
  while (!isDone(leader) && performance.now() < deadline) {
    await sleep(TRANSFER_POLL_MS, undefined, { signal: context.interrupt });
    leader = await leaderOf(client, log, context.interrupt);
  }
  if (!isDone(leader))
    throw new CliError(
      "ERR_TRANSFER_UNFINISHED",
      `${log}: the leader is ${leader ?? "still being elected"}, not ${to ?? "another node"}`,
      {
        exitCode: EXIT.unavailable,
        hint: "`annals cluster status` shows whether it comes about",
      },
    );
  await tellOutcome(context, options, `${log}: leader is now ${leader}`, { log, leader });
}

async function leaderOf(
  client: AnnalsClient,
  log: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { logs } = await client.cluster({ signal });
  return logs.find(({ name }) => name === log)?.leader;
}

function statusText(status: ClusterStatus, look: TableLook): string {
  const nodes = renderTable(
    [
      { title: "NODE", value: ({ id }) => (id === status.node ? `${id} *` : id) },
      { title: "ADDRESS", value: ({ address }) => address },
      {
        title: "REACHABLE",
        value: ({ reachable, reason }) => (reachable ? "yes" : `no ${reason ?? ""}`.trim()),
      },
      { title: "CLOCK", value: (node) => clockText(status, node) },
      { title: "PID", value: ({ pid }) => (pid === undefined ? "" : String(pid)), align: "right" },
    ],
    status.nodes,
    look,
  );
  const logs = renderTable(
    [
      { title: "LOG", value: ({ name }) => name },
      { title: "LEADER", value: ({ leader }) => leader ?? "none" },
      { title: "TERM", value: ({ term }) => String(term), align: "right" },
      { title: "LAST SEQ", value: ({ lastSeq }) => formatCount(lastSeq), align: "right" },
      { title: "COMMIT", value: ({ commitIndex }) => formatCount(commitIndex), align: "right" },
      { title: "REPLICAS", value: ({ replicas }) => replicas.map(describeReplica).join(", ") },
    ],
    status.logs,
    look,
  );
  const reasons = status.reasons
    .map((reason) => `${paint("yellow", "!", look.color)} ${reason}\n`)
    .join("");
  const workers = renderTable(
    [
      { title: "WORKER", value: ({ id, isolated }) => `${id}${isolated ? " (isolated)" : ""}` },
      { title: "LOGS", value: ({ logs: names }) => names.join(", ") },
      { title: "CATCHING UP", value: ({ catchingUp }) => catchingUp.join(", ") },
    ],
    status.workers,
    look,
  );
  const title = `cluster ${status.cluster}, as node ${status.node} (version ${status.version}) sees it`;
  return `${title}\n\n${nodes}\n${logs}\n${workers}${reasons === "" ? "" : `\n${reasons}`}`;
}

/** Offsets are to the clock of the node that answers; how that one stands is in its own row. */
function clockText(
  { node, clock }: Pick<ClusterStatus, "node" | "clock">,
  { id, clock: other }: ClusterStatus["nodes"][number],
): string {
  if (id === node) return clock.state === "alone" ? "alone: nobody can confirm it" : clock.state;
  if (other === undefined) return "not heard of";
  const { offsetMs, uncertaintyMs, off } = other;
  const sign = offsetMs < 0 ? "-" : "+";
  const size = [Math.abs(offsetMs), uncertaintyMs].map((ms) => (ms / 1000).toFixed(3));
  return `${sign}${size.join(" s ±")} s${off ? " (wrong)" : ""}`;
}

function describeReplica({
  node,
  role,
  matchIndex,
  paused,
}: ClusterStatus["logs"][number]["replicas"][number]): string {
  const match = matchIndex === undefined ? "" : `@${matchIndex}`;
  return `${node}${match} ${role}${paused.length === 0 ? "" : ` (paused: ${paused.join(" ")})`}`;
}

async function health(context: CliContext, options: HealthOptions): Promise<void> {
  // One attempt at each: whoever asks for health wants to know now.
  const client = context.client(options, 0);
  const format = context.format(options);
  for (;;) {
    const now = await clusterHealth(client, context.urls(options), context.interrupt);
    context.exitCode = now.healthy ? EXIT.ok : EXIT.unhealthy;
    if (format === "json") await context.printJson(now);
    else if (format === "ndjson") await context.print(`${JSON.stringify(now)}\n`);
    else await context.print(healthText(now, context.color));
    if (options.watch !== true || (options.exitWhenHealthy === true && now.healthy)) return;
    await sleep(WATCH_MS, undefined, { signal: context.interrupt }).catch(() => undefined);
    if (context.interrupt.aborted) return;
  }
}

async function clusterHealth(
  client: AnnalsClient,
  urls: readonly string[],
  signal: AbortSignal,
): Promise<ClusterHealth> {
  let status: ClusterStatus | undefined;
  for (const url of urls) {
    status = await client.cluster({ url, signal }).catch(() => undefined);
    if (status !== undefined) break;
  }
  // Without a status, only the addresses that were given are known.
  const known =
    status?.nodes.map((node) => ({
      node: node.id,
      url: `http://${node.address}`,
      clock: { clock: clockText(status, node) },
    })) ?? urls.map((url) => ({ node: url, url, clock: {} }));
  const nodes = await Promise.all(
    known.map(async ({ clock, ...known }) => {
      return { ...known, ...(await client.health(known.url, { signal })), ...clock };
    }),
  );
  const reasons = status?.reasons ?? ["no node answers"];
  return { healthy: reasons.length === 0 && nodes.every(({ ready }) => ready), nodes, reasons };
}

function healthText({ healthy, nodes, reasons }: ClusterHealth, color: boolean): string {
  const word = healthy ? paint("green", "healthy", color) : paint("red", "unhealthy", color);
  const lines = nodes.map(
    ({ node, ready, reasons: why, clock }) =>
      `  ${node}: ${ready ? "ready" : `not ready (${why.join("; ")})`}` +
      (clock === undefined ? "" : `, clock ${clock}`),
  );
  return [word, ...lines, ...reasons.map((reason) => `  ! ${reason}`)].join("\n") + "\n";
}

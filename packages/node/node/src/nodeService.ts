import type {
  AppendReply,
  ClusterStatus,
  CopyInfo,
  DecisionInfo,
  GroupAnswers,
  GroupRequest,
  LogInfo,
  NodeHealth,
  NodeStatus,
  ProducerStanding,
  ResolveRequest,
  SchemaInfo,
} from "@annals/api";
import type { NodeConfig } from "@annals/config";
import type { AppendRequest, ForwardTarget, NodeService } from "@annals/http";
import type { ReadQuery, ReadReply } from "@annals/query";
import { AnnalsError } from "@annals/record";
import type { BlobFiles } from "@annals/replica";
import { AnnouncedBytes } from "@annals/storage";
import { encodeCommand, SCHEMAS_PER_LOG_MAX, SYSTEM_LOG } from "@annals/system";
import type { LogSchema } from "@annals/system";
import { blobsOf, compileSchema } from "@annals/worker";
import type { Logger } from "pino";
import { takeDecision } from "./resolution/resolveDoor.ts";
import { clockStatus, nodeClocks } from "./clockReport.ts";
import type { ClockWatch } from "./clockWatch.ts";
import type { Gateway } from "./gateway.ts";
import { groupsTold, stuckReasons } from "./groupReport.ts";
import { logReport } from "./logReport.ts";
import { copyInfo } from "./copyInfo.ts";
import type { LogPlace } from "./logDirectory.ts";
import type { NodeMemory } from "./nodeMemory.ts";
import type { PeerState } from "./peerLinks.ts";
import { misfit, openingReason, stateOf, unreachable } from "./reasons.ts";

/** What the service looks at: a node that may not be born yet. */
export interface NodeView {
  readonly config: NodeConfig;
  readonly logger: Logger;
  readonly version: string;
  /** Undefined until the cluster is born. */
  readonly clusterId: () => string | undefined;
  /** Undefined until the cluster is born. */
  gateway(): Gateway | undefined;
  /** The nodes without which there is no birth; empty afterwards. */
  waitingFor(): readonly string[];
  peers(): readonly PeerState[];
  draining(): boolean;
  linkFaults(): Readonly<Record<string, number>>;
  readonly memory: NodeMemory;
  readonly clocks: Pick<ClockWatch, "view" | "reasons">;
  /** Reasons for which the sockets of a log's inbound links are paused. */
  paused(logId: number): readonly { readonly reasons: readonly string[] }[];
}

/** How long a read may wait for a quorum to confirm it. */
const READ_TIMEOUT_MS = 5000;
const TRANSFER_TIMEOUT_MS = 3000;

/** The HTTP API's view of a node: names to places, places to workers, and what is wrong in plain words. */
export class LocalNodeService implements NodeService {
  readonly #view: NodeView;
  /** By log. */
  readonly #blobs = new Map<number, BlobFiles>();
  readonly #announced = new AnnouncedBytes();

  constructor(view: NodeView) {
    this.#view = view;
  }

  append(log: string, request: AppendRequest): Promise<AppendReply> {
    const found = this.#gateway().find(log);
    return found instanceof Promise
      ? found.then((place) => this.#appendAt(place, request))
      : this.#appendAt(found, request);
  }

  #appendAt(place: LogPlace, request: AppendRequest): Promise<AppendReply> {
    const { contentType, body, producer, timeoutMs } = request;
    return this.#gateway().request<"append">(writable(place), {
      op: "append",
      contentType,
      body,
      stamp: producer,
      timeoutMs,
    });
  }

  forwardTarget(log: string): ForwardTarget | Promise<ForwardTarget> {
    const found = this.#gateway().find(log);
    return found instanceof Promise
      ? found.then((place) => this.#targetOf(place))
      : this.#targetOf(found);
  }

  #targetOf(place: LogPlace): ForwardTarget {
    const node = this.#gateway().nodeName(place.leader);
    if (node === this.#view.config.node || place.diverged) return { kind: "local" };
    const address = node === undefined ? undefined : this.#view.config.nodes[node];
    if (node === undefined || address === undefined) return { kind: "none" };
    return { kind: "remote", node, address };
  }

  async read(log: string, query: ReadQuery): Promise<ReadReply> {
    const gateway = this.#gateway();
    return gateway.request<"read">(await gateway.find(log), {
      op: "read",
      query,
      timeoutMs: READ_TIMEOUT_MS,
    });
  }

  async producer(log: string, id: string): Promise<ProducerStanding> {
    const gateway = this.#gateway();
    return gateway.request<"producer">(await gateway.find(log), { op: "producer", id });
  }

  async group<Op extends GroupRequest["op"]>(
    log: string,
    request: GroupRequest & { readonly op: Op },
  ): Promise<GroupAnswers[Op]> {
    const gateway = this.#gateway();
    const place = writable(await gateway.find(log));
    // The lane's types know what each op of it is answered with, not what each op of a group is.
    return (await gateway.request<"group">(place, { op: "group", request })) as GroupAnswers[Op];
  }

  async blobs(log: string): Promise<BlobFiles> {
    const place = await this.#gateway().find(log);
    const { id } = place.entry;
    const known = this.#blobs.get(id);
    if (known !== undefined) return known;
    // Kept: it remembers for a second how much room the disk has.
    const blobs = blobsOf(this.#view.config, id, this.#announced);
    this.#blobs.set(id, blobs);
    return blobs;
  }

  async logs(): Promise<readonly LogInfo[]> {
    const gateway = this.#gateway();
    const places = gateway.places().filter((place) => place.entry.name !== SYSTEM_LOG);
    return Promise.all(places.map((place) => this.#info(gateway, place)));
  }

  async schemas(log: string): Promise<readonly SchemaInfo[]> {
    const { entry } = await this.#gateway().find(log);
    return (entry.schemas ?? []).filter(({ schema }) => schema !== undefined).map(schemaInfo);
  }

  assertSchema(schema: string): void {
    compileSchema(schema);
  }

  async setSchema(log: string, action: string, schema: string | undefined): Promise<SchemaInfo> {
    const gateway = this.#gateway();
    const { name, schemas: known = [] } = writable(await gateway.find(log)).entry;
    if (known.length >= SCHEMAS_PER_LOG_MAX && !known.some((one) => one.action === action))
      throw tooManySchemas(name);
    const index = await gateway.commit(
      encodeCommand({ op: "setSchema", log: name, action, schema: schema ?? null }),
    );
    const set = (await gateway.find(name)).entry.schemas?.find((one) => one.index === index);
    if (set === undefined) throw tooManySchemas(name);
    return schemaInfo(set);
  }

  async createLog(name: string): Promise<LogInfo> {
    const gateway = this.#gateway();
    const place = await gateway.createLog(name);
    return {
      name,
      state: place.opened ? "open" : "opening",
      reason: place.opened ? undefined : openingReason(name, place.waitsFor),
      firstSeq: 1,
      lastSeq: 0,
      leader: gateway.nodeName(place.leader),
      diskBytes: 0,
    };
  }

  async copy(log: string): Promise<CopyInfo> {
    const gateway = this.#gateway();
    return copyInfo(gateway, this.#view.config.node, await gateway.find(log));
  }

  resolveLog(log: string, request: ResolveRequest): Promise<DecisionInfo> {
    const gateway = this.#gateway();
    const self = this.#view.config.node;
    const { roster } = gateway;
    const door = {
      roster,
      find: async (name: string) => (await gateway.find(name)).entry,
      ask: async (node: string, name: string) =>
        node === self ? this.copy(name) : gateway.copies.ask(node, name),
      commit: (data: Uint8Array) => gateway.commit(data),
      now: () => Date.now(),
    };
    return takeDecision(door, log, request);
  }

  async cluster(): Promise<ClusterStatus> {
    const { config, version } = this.#view;
    const gateway = this.#view.gateway();
    const reports = await Promise.all(
      gateway === undefined
        ? []
        : gateway.places().map((place) => logReport({ ...this.#view, gateway }, place)),
    );
    const logs = reports.map((report) => report.status);
    const groups = groupsTold(reports.flatMap((report) => report.groups));
    const status = {
      cluster: config.cluster,
      clusterId: this.#view.clusterId(),
      node: config.node,
      version,
      nodes: this.#nodes(),
      logs,
      groups,
      linkFaults: this.#view.linkFaults(),
      clock: clockStatus(this.#view.clocks.view()),
      workerRestarts: gateway?.pool.restarts ?? 0,
      workers: gateway?.pool.views() ?? [],
      memory: gateway === undefined ? undefined : await this.#view.memory.read(gateway),
      scrub: gateway?.scrubStatus() ?? { finishedAt: undefined, logs: 0, damaged: 0 },
    };
    return {
      ...status,
      reasons: [
        ...this.health().reasons,
        ...unreachable(status.nodes),
        ...this.#view.clocks.reasons(),
        ...(gateway === undefined ? [] : misfit(config, gateway.logCount)),
        ...reports.flatMap((report) => report.reasons),
        ...stuckReasons(groups),
      ],
    };
  }

  async transferLeadership(log: string, to: string | undefined): Promise<void> {
    const gateway = this.#gateway();
    const place = await gateway.find(log);
    const member = to === undefined ? undefined : gateway.roster.memberOf(to);
    if (to !== undefined && member === undefined) {
      throw new AnnalsError("ERR_NODE_UNKNOWN", `there is no node "${to}" in the cluster`);
    }
    const target = await gateway.request<"transfer">(place, { op: "transfer", to: member });
    if (target === undefined) {
      throw new AnnalsError("ERR_NO_SUCCESSOR", "no other voter is reachable: leadership stays", {
        retryable: true,
      });
    }
    if (!(await gateway.untilNotLeader(place, TRANSFER_TIMEOUT_MS))) {
      throw new AnnalsError(
        "ERR_TRANSFER_TIMEOUT",
        "the successor did not take over in time: leadership stays",
        {
          retryable: true,
        },
      );
    }
  }

  health(): NodeHealth {
    const reasons: string[] = [];
    const waiting = this.#view.waitingFor();
    if (waiting.length > 0)
      reasons.push(`the cluster is not born yet: waiting for ${waiting.join(", ")}`);
    if (this.#view.draining()) reasons.push("the node is shutting down");
    for (const name of this.#view.gateway()?.missingBirthLogs() ?? []) {
      reasons.push(`log ${name} is being created`);
    }
    for (const place of this.#view.gateway()?.places() ?? []) {
      const { name } = place.entry;
      const { reason } = stateOf(place, true);
      if (reason !== undefined) reasons.push(reason);
      else if (this.#view.gateway()?.nodeName(place.leader) === undefined)
        reasons.push(`log ${name} has no leader`);
    }
    return {
      live: true,
      ready: reasons.length === 0 && this.#view.gateway() !== undefined,
      reasons,
    };
  }

  #gateway(): Gateway {
    const gateway = this.#view.gateway();
    if (gateway !== undefined) return gateway;
    const why = this.health().reasons.join("; ");
    throw new AnnalsError("ERR_NOT_READY", why === "" ? "the node is starting" : why, {
      retryable: true,
    });
  }

  /** Never rejects: a log that does not answer is listed as such and spoils no other's row. */
  async #info(gateway: Gateway, place: LogPlace): Promise<LogInfo> {
    const status = await gateway.request<"status">(place, { op: "status" }).catch(() => undefined);
    return {
      name: place.entry.name,
      ...stateOf(place, status !== undefined),
      firstSeq: status?.firstSeq,
      lastSeq: status?.appliedSeq,
      leader: gateway.nodeName(place.leader),
      diskBytes: status?.diskBytes,
    };
  }

  #nodes(): readonly NodeStatus[] {
    const { config } = this.#view;
    const peers = new Map(this.#view.peers().map((peer) => [peer.node, peer]));
    const clocks = nodeClocks(config.node, this.#view.clocks.view());
    return Object.entries(config.nodes).map(([id, address]) => {
      const node = { id, address, clock: clocks.get(id) };
      if (id === config.node)
        return { ...node, reachable: true, pid: process.pid, reason: undefined };
      const peer = peers.get(id);
      const fault = peer?.fault;
      return {
        ...node,
        reachable: peer?.reachable === true,
        pid: undefined,
        reason: fault === undefined ? undefined : `${fault.code}: ${fault.reason}`,
      };
    });
  }
}

function writable(place: LogPlace): LogPlace {
  if (place.entry.name !== SYSTEM_LOG) return place;
  throw new AnnalsError(
    "ERR_LOG_RESERVED",
    `${SYSTEM_LOG} is the cluster's own log: it takes no records`,
  );
}

function schemaInfo({ action, version, schema }: LogSchema): SchemaInfo {
  return { action, version, schema: schema === undefined ? null : JSON.parse(schema) };
}

function tooManySchemas(log: string): AnnalsError {
  return new AnnalsError(
    "ERR_TOO_MANY_SCHEMAS",
    `log "${log}" has schemas for ${SCHEMAS_PER_LOG_MAX} actions, removed ones counted: there is no room for one more`,
  );
}

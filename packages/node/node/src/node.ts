import { setTimeout as delay } from "node:timers/promises";
import { fingerprint } from "@annals/config";
import type { NodeConfig } from "@annals/config";
import { Ledger, LINKS_MAX } from "@annals/flow";
import { createHttpServer, OpenSockets } from "@annals/http";
import type { HttpServer } from "@annals/http";
import { AnnalsError } from "@annals/record";
import { probeDisk } from "@annals/storage";
import { Roster } from "@annals/system";
import type { Frame, HelloFrame, WelcomeFrame } from "@annals/wire";
import type { Logger } from "pino";
import { httpOptions } from "./httpOptions.ts";
import { Birth } from "./birth.ts";
import { decodeCertificate, encodeCertificate, memberOf } from "./certificate.ts";
import type { BirthCertificate } from "./certificate.ts";
import { assertNodesAreMembers } from "./configuredNodes.ts";
import { Gateway } from "./gateway.ts";
import type { GatewayOptions } from "./gateway.ts";
import { InFlight } from "./inFlight.ts";
import { verifyHello, verifyWelcome } from "./handshake.ts";
import type { Own } from "./handshake.ts";
import { NodeIdentity } from "./identity.ts";
import { listenOn } from "./listener.ts";
import { NodeMemory } from "./nodeMemory.ts";
import { LocalNodeService } from "./nodeService.ts";
import { PeerLinks } from "./peerLinks.ts";
import { PeerServer } from "./peerServer.ts";
import { readVersion } from "./version.ts";
import { ClockWatch } from "./clockWatch.ts";
import { patiently } from "./patience.ts";
import type { PatienceOptions } from "./patience.ts";
import type { Incarnation, IncarnationEnd } from "./incarnations.ts";
import { othersReady, RETREAT_POLL_MS, retreatRefused } from "./retreat.ts";

/** Exit code after a storage failure: the supervisor may restart the node, which then checks its disk. */
const EXIT_STORAGE_FAILED = 74;

/** A stop takes at most the sum of these and of the workers' grace: below 10 s, after which supervisors tend to kill. */
const IN_FLIGHT_GRACE_MS = 3000;
const HAND_OVER_MS = 2500;
const STREAM_GRACE_MS = 750;
const BIRTH_REPORT_MS = 10_000;

/** What is known of the logs of a node before it listens. */
type LogsOfNode = Pick<GatewayOptions, "catalogFile" | "knownLogs" | "scans">;

/** A node from the moment at which its data directory is its own. */
export class Node implements Incarnation {
  readonly ended: Promise<IncarnationEnd>;
  readonly url: string;
  readonly #config: NodeConfig;
  readonly #logger: Logger;
  readonly #patience: PatienceOptions;
  readonly #identity: NodeIdentity;
  readonly #knownLogs: LogsOfNode;
  readonly #fingerprint: string;
  readonly #birth: Birth;
  readonly #server: PeerServer;
  readonly #http: HttpServer;
  readonly #inFlight = new InFlight();
  readonly #sockets = new OpenSockets();
  readonly #ledger = new Ledger();
  readonly #memory: NodeMemory;
  readonly #clocks: ClockWatch;
  #peers: PeerLinks | undefined;
  #gateway: Gateway | undefined;
  #roster: Roster | undefined;
  #birthReport: NodeJS.Timeout | undefined;
  #draining = false;
  #binding = false;
  #closing: Promise<void> | undefined;
  #retreating = false;
  #settle: (end: IncarnationEnd) => void = () => {};

  constructor(
    config: NodeConfig,
    patience: PatienceOptions,
    identity: NodeIdentity,
    logs: LogsOfNode,
  ) {
    this.#config = config;
    this.#knownLogs = logs;
    const { logger } = patience;
    this.#logger = logger;
    this.#patience = patience;
    this.#identity = identity;
    this.#memory = new NodeMemory({ config, logger, ledger: this.#ledger });
    this.#clocks = new ClockWatch(config, logger);
    this.#fingerprint = fingerprint(config);
    this.url = `http://${config.nodes[config.node] ?? ""}`;
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
    const { node, cluster } = config;
    this.#birth = new Birth({
      cluster,
      node,
      member: identity.member,
      nodes: Object.keys(config.nodes),
      logs: config.logs,
    });
    this.#server = this.#createPeerServer();
    this.#http = createHttpServer(this.#createService(), {
      ...httpOptions(config, this.#ledger),
      onFault: (error) => logger.error({ err: error }, "unexpected failure of a request"),
    });
    this.#http.app.addHook("onRequest", async (_request, reply) => this.#inFlight.track(reply.raw));
    this.#server.attach(this.#http.app.server, this.#http.streams);
  }

  async listen(signal: AbortSignal): Promise<void> {
    const { address } = this.#config;
    this.#sockets.attach(this.#http.app.server);
    await listenOn(this.#http.app, { address, logger: this.#logger, signal });
    // Such as a connection that cannot be accepted for want of file descriptors.
    this.#http.app.server.on("error", (err) =>
      this.#logger.error({ err }, "the listener failed to accept a connection"),
    );
    const { listen } = this.#config;
    this.#logger.info({ url: this.url, listen, member: this.#identity.member }, "listening");
    this.#peers = this.#createPeerLinks();
    if (this.#identity.certificate === undefined) this.#awaitBirth();
    else this.#begin(this.#identity.certificate, this.#peers, false);
  }

  close(): Promise<void> {
    this.#closing ??= this.#stop().then(() => this.#settle({ kind: "exit", code: 0 }));
    return this.#closing;
  }

  async #stop(): Promise<void> {
    this.#logger.info("stopping");
    clearInterval(this.#birthReport);
    this.#memory.close();
    this.#clocks.close();
    this.#knownLogs.scans.close();
    // Still served, or passed on, while leadership moves: the cluster's clients notice nothing.
    this.#draining = true;
    await this.#gateway?.handOver(HAND_OVER_MS);
    await this.#http.streams.close(STREAM_GRACE_MS);
    // The listener is closed at once; its promise waits for the peers' sockets too.
    const closed = this.#http.app.close();
    await this.#inFlight.untilIdle(IN_FLIGHT_GRACE_MS);
    this.#server.close();
    this.#peers?.close();
    await this.#gateway?.close();
    this.#sockets.destroyAll();
    await closed;
    this.#logger.info("stopped");
  }

  #createService(): LocalNodeService {
    return new LocalNodeService({
      config: this.#config,
      logger: this.#logger,
      version: readVersion(),
      clusterId: () => this.#identity.certificate?.clusterId,
      gateway: () => this.#gateway,
      waitingFor: () => (this.#gateway === undefined ? this.#birth.waitingFor() : []),
      peers: () => this.#peers?.states() ?? [],
      draining: () => this.#draining,
      linkFaults: () => this.#server.faults(),
      memory: this.#memory,
      clocks: this.#clocks,
      paused: (logId) => this.#server.paused(logId),
    });
  }

  #createPeerServer(): PeerServer {
    const { replication } = this.#config;
    return new PeerServer({
      logger: this.#logger,
      maxMessageBytes: replication.maxMessageBytes,
      maxQueueBytes: replication.receive.maxQueueBytes,
      maxLinks: LINKS_MAX,
      ledger: this.#ledger,
      onHello: (hello) => this.#greet(hello),
      onControl: (peer, frame) => this.#frame(peer, frame),
      workerOf: (logId) => {
        if (this.#gateway === undefined)
          throw new AnnalsError("ERR_NOT_READY", "the node is not born yet");
        return this.#gateway.workerOf(logId);
      },
    });
  }

  #createPeerLinks(): PeerLinks {
    return new PeerLinks({
      config: this.#config,
      identity: this.#identity,
      fingerprint: this.#fingerprint,
      logger: this.#logger,
      ledger: this.#ledger,
      clocks: this.#clocks,
      onWelcome: (node, welcome) => this.#welcomed(node, welcome),
      onFrame: (node, frame) => this.#answered(node, frame),
      onDown: (node, change) => {
        this.#birth.gone(node);
        this.#gateway?.pool.peerChanged(node, change);
      },
    });
  }

  #own(): Own {
    const { cluster, node, nodes, replication } = this.#config;
    return {
      cluster,
      node,
      nodes: Object.keys(nodes),
      fingerprint: this.#fingerprint,
      maxMessageBytes: replication.maxMessageBytes,
      certificate: this.#identity.certificate,
      roster: this.#roster,
      connected: this.#server.peers(),
    };
  }

  /** A peer dials in. A blank one gets a copy of the certificate: it missed the end of the birth, or lost its disk. */
  #greet(hello: HelloFrame): readonly Frame[] {
    verifyHello(this.#own(), hello);
    const { certificate, member } = this.#identity;
    const { node } = this.#config;
    const welcome: Frame = { kind: "welcome", clusterId: certificate?.clusterId, node, member };
    if (certificate === undefined || hello.clusterId !== undefined) return [welcome];
    return [welcome, { kind: "birth", certificate: encodeCertificate(certificate) }];
  }

  #welcomed(node: string, welcome: WelcomeFrame): void {
    verifyWelcome(this.#own(), node, welcome);
    this.#gateway?.pool.peerChanged(node, { kind: "back" });
    if (this.#identity.certificate !== undefined) return;
    this.#birth.seen(node, welcome.member, welcome.clusterId);
    const certificate = this.#birth.certificate();
    if (certificate !== undefined) void this.#bind(certificate, true);
  }

  /** A frame of a control link that a peer has dialled. */
  #frame({ node, member }: HelloFrame, frame: Frame): void {
    if (frame.kind !== "control") this.#answered(node, frame);
    else for (const { logId, bytes } of frame.parcels) this.#gateway?.control(member, logId, bytes);
  }

  /** A frame of the other side of a control link, after its welcome. */
  #answered(node: string, frame: Frame): void {
    if (frame.kind === "birth") this.#born(node, decodeCertificate(frame.certificate));
  }

  /** The certificate of a living cluster reached this blank node: it was there at the birth, or it comes to replace a lost disk. */
  #born(from: string, certificate: BirthCertificate): void {
    if (this.#identity.certificate !== undefined) return;
    assertNodesAreMembers(this.#config, certificate);
    if (memberOf(certificate, this.#config.node) !== this.#identity.member) {
      this.#logger.warn(
        { from, clusterId: certificate.clusterId },
        "this disk is empty and the cluster lives: joining as a learner, in place of the disk that was here before",
      );
    }
    void this.#bind(certificate, false);
  }

  async #bind(certificate: BirthCertificate, founder: boolean): Promise<void> {
    if (this.#binding) return;
    this.#binding = true;
    try {
      await patiently(() => this.#identity.bind(certificate), this.#patience);
    } catch (error) {
      if (this.#patience.signal.aborted) return;
      this.#fatal(
        new AnnalsError("ERR_STORAGE_FAILED", "the birth certificate could not be stored", {
          cause: error,
        }),
      );
      return;
    }
    clearInterval(this.#birthReport);
    this.#logger.info({ clusterId: certificate.clusterId }, "bound to the cluster");
    if (this.#closing !== undefined || this.#peers === undefined) return;
    this.#begin(certificate, this.#peers, founder);
    for (const { node } of certificate.members) {
      this.#peers.sendFrame(node, { kind: "birth", certificate: encodeCertificate(certificate) });
    }
  }

  #begin(certificate: BirthCertificate, peers: PeerLinks, founder: boolean): void {
    const roster = new Roster(certificate.members);
    this.#roster = roster;
    this.#gateway = new Gateway({
      config: this.#config,
      fingerprint: this.#fingerprint,
      self: this.#identity.member,
      certificate,
      roster,
      founder,
      ...this.#knownLogs,
      logger: this.#logger,
      ledger: this.#ledger,
      clocks: this.#clocks,
      peers,
      server: this.#server,
      onFatal: (error) => this.#fatal(error),
      onUnusable: (what) => void this.#unusable(what),
    });
    this.#memory.watch(this.#gateway);
  }

  /** A cluster of one is born at once; otherwise the log says from time to time whom it waits for. */
  #awaitBirth(): void {
    const certificate = this.#birth.certificate();
    if (certificate !== undefined) {
      void this.#bind(certificate, true);
      return;
    }
    const report = () => {
      this.#logger.info(
        { waitingFor: this.#birth.waitingFor() },
        "blank: the cluster is born when every node is there",
      );
    };
    this.#birthReport = setInterval(report, BIRTH_REPORT_MS);
    report();
  }

  /** Fail-stop: nothing may leave this node any more, so there is no clean end. */
  #fatal(error: AnnalsError): void {
    this.#logger.fatal({ err: error, code: error.code }, "this node cannot go on");
    this.#peers?.close();
    this.#server.close();
    this.#settle({ kind: "exit", code: EXIT_STORAGE_FAILED });
  }

  /** What this disk has promised is lost: it must come back as another member, once the others can do without it. */
  async #unusable(what: string): Promise<void> {
    if (this.#retreating) return;
    this.#retreating = true;
    const config = this.#config;
    const refused = await retreatRefused(config);
    if (refused !== undefined) {
      this.#fatal(new AnnalsError("ERR_LOG_DAMAGED", `${what}; ${refused}`));
      return;
    }
    this.#logger.warn({ reason: what }, "unusable: waiting for the others to be ready");
    while (this.#closing === undefined && !(await othersReady(config)))
      await delay(RETREAT_POLL_MS);
    // Nothing is judged by a disk that refuses, and nothing can be put aside on it.
    while (this.#closing === undefined && (await probeDisk(config.data)) !== undefined)
      await delay(RETREAT_POLL_MS);
    if (this.#closing === undefined) this.#settle({ kind: "quarantine", what });
  }
}

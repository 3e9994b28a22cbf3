import {
  buildLoad,
  BUILT_COMMAND,
  measureCatchUp,
  measureConsume,
  STANDARD_SHAPE,
  throwAwayTarget,
} from "@annals/load";
import type { OwnTarget } from "@annals/load";
import { driveCarriers } from "./driveCarriers.ts";
import type { Peer, PeerAppend, PeerLoad, RunningPeer } from "./peer.ts";
import { RECORD_BYTES } from "./peer.ts";

/** This project, among its peers. */
export const ANNALS: Peer = {
  name: "Annals",
  durability: "Raft, flushed on a quorum",
  available: () => ({ kind: "available", version: "as it is here" }),
  start: async (directory, signal) =>
    new RunningAnnals(
      await throwAwayTarget({ entry: BUILT_COMMAND, nodes: 3, parent: directory, signal }),
    ),
};

class RunningAnnals implements RunningPeer {
  readonly nodes: RunningPeer["nodes"];
  readonly #target: OwnTarget;

  constructor(target: OwnTarget) {
    this.nodes = target.nodes;
    this.#target = target;
  }

  async append(load: PeerLoad): Promise<PeerAppend> {
    const { recordsPerRequest, inFlight } = load;
    const shape = { ...STANDARD_SHAPE, recordBytes: RECORD_BYTES, recordsPerRequest, inFlight };
    const { carriers } = buildLoad(shape, this.#target.log, await this.#target.addresses());
    return driveCarriers(carriers, this.nodes, load);
  }

  async catchUp(records: number, signal: AbortSignal): Promise<number> {
    const shape = { ...STANDARD_SHAPE, recordsPerRequest: 500, inFlight: 8 };
    return (await measureCatchUp(this.#target, { records, shape, signal })).recordsPerSecond;
  }

  async replay(signal: AbortSignal): Promise<number> {
    const options = { consumers: 1, decode: false, signal };
    return (await measureConsume(this.#target, options)).recordsPerSecond;
  }

  close(): Promise<void> {
    return this.#target.close();
  }
}

import { z } from "zod";
import type { NodeAddress } from "../address.ts";
import { consensusKeys } from "./consensus.ts";
import { identityKeys } from "./identity.ts";
import { ingestKeys } from "./ingest.ts";
import { readingKeys } from "./reading.ts";
import { replicationKeys } from "./replication.ts";
import { storageKeys } from "./storage.ts";
import { workersKeys } from "./workers.ts";

/** Every key, in the order in which documents list them. Takes the values in YAML form, gives the resolved ones. */
export const SETTINGS = z.strictObject({
  ...identityKeys,
  ...consensusKeys,
  ...replicationKeys,
  ...ingestKeys,
  ...workersKeys,
  ...readingKeys,
  ...storageKeys,
});

type Frozen<T> = T extends object ? { readonly [Name in keyof T]: Frozen<T[Name]> } : T;

/** The values of all keys, resolved: bytes as numbers, durations in milliseconds. */
export type Settings = Frozen<z.output<typeof SETTINGS>>;

/**
 * The configuration of one node: the resolved values of its keys, every default filled in and every relation between limits checked.
 * Deeply frozen. `data` is an absolute path, and `listen` is set.
 */
export interface NodeConfig extends Settings {
  /** The id of this node; a key of `nodes`. */
  readonly node: string;
  /** `listen`, taken apart. */
  readonly address: NodeAddress;
}

export type IngestSettings = NodeConfig["ingest"];
export type SubscribeSettings = NodeConfig["subscribe"];

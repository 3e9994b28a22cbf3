import { assertRoom } from "@annals/config";
import type { NodeConfig } from "@annals/config";
import { SYSTEM_LOG_ID } from "@annals/system";
import { sweepBlobs } from "@annals/worker";
import type { Logger } from "pino";
import { CatalogFile } from "./catalogFile.ts";
import { assertNodesAreMembers } from "./configuredNodes.ts";
import { EarlyScans } from "./earlyScans.ts";
import { NodeIdentity } from "./identity.ts";
import { createLogger } from "./logger.ts";
import { outliveOrphanedErrors } from "./orphanedErrors.ts";
import { DataLock } from "./dataLock.ts";
import { patiently } from "./patience.ts";
import { finishQuarantine } from "./quarantine.ts";
import { Incarnations } from "./incarnations.ts";
import type { RunningNode } from "./incarnations.ts";
import type { StartNodeOptions } from "./startOptions.ts";
import { Node } from "./node.ts";

/**
 * Starts a node: listens, meets its peers, serves once the cluster is born. Rejects when it cannot listen, when the data is not its own,
 * with ERR_DATA_IN_USE when another process has the data directory, and with ERR_NODES_DIFFER.
 */
export async function startNode(
  config: NodeConfig,
  options: StartNodeOptions = {},
): Promise<RunningNode> {
  const logger = options.logger ?? createLogger(config);
  if (options.process !== undefined) outliveOrphanedErrors(options.process, logger);
  // Before threads are made: without files for them the process would end by a signal, without a word.
  assertRoom(config);
  const lock = await DataLock.take(config.data, logger, options.signal);
  try {
    const node = await startLocked(config, logger, options.signal);
    void lock.lost.then((error) => node.fail(error));
    void node.closed.then(() => lock.release());
    return node;
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function startLocked(
  config: NodeConfig,
  logger: Logger,
  signal: AbortSignal | undefined,
): Promise<Incarnations> {
  const stop = new AbortController();
  const stopping = AbortSignal.any([stop.signal, ...(signal === undefined ? [] : [signal])]);
  const patience = { path: config.data, logger, signal: stopping };
  await patiently(() => finishQuarantine(config.data), patience);
  const start = async (): Promise<Node> => {
    const identity = await patiently(() => NodeIdentity.open(config.data, config.node), patience);
    if (identity.certificate !== undefined) assertNodesAreMembers(config, identity.certificate);
    const catalogFile = new CatalogFile(config.data, logger);
    const born = identity.certificate !== undefined;
    const knownLogs = born ? await patiently(() => catalogFile.read(), patience) : [];
    const logIds = born ? [SYSTEM_LOG_ID, ...knownLogs.map(({ id }) => id)] : [];
    const scans = new EarlyScans(config.data, logIds);
    try {
      await sweepBlobs(config);
      const node = new Node(config, patience, identity, { catalogFile, knownLogs, scans });
      await node.listen(stopping);
      return node;
    } catch (error) {
      scans.close();
      throw error;
    }
  };
  return new Incarnations({ config, logger, start, stop: () => stop.abort() }, await start());
}

// Goal: what the store throws ends the replica also when a call of its host meets it, and nothing is called refused that may be in the log.
// Method: a store that fails to read while a command is proposed. Found by the simulator with seed 1795329231751.
import { expect, it } from "vitest";
import { AnnalsError } from "@annals/record";
import { SimulatedCluster } from "@annals/kit";

it("the outcome of a command is unknown when the replica fails while it is proposed", async () => {
  const cluster = new SimulatedCluster();
  const leader = await cluster.elect();
  const behind = cluster.members.find((member) => member !== leader);
  cluster.isolate(behind?.id ?? 0);
  const done = cluster.append([Uint8Array.of(1)]);
  await cluster.settle();
  await done;
  // What comes next for the member that is behind has to be read from the disk.
  leader.replica.reportUnreachable(behind?.id ?? leader.id);
  leader.store.entries = () => {
    throw new AnnalsError("ERR_ENTRY_DAMAGED", "entry 2: its checksum does not match its bytes");
  };
  const command = leader.replica.command(Uint8Array.of(2));
  await expect(command).rejects.toMatchObject({ code: "ERR_OUTCOME_UNKNOWN" });
  expect(leader.failed?.code).toBe("ERR_ENTRY_DAMAGED");
});

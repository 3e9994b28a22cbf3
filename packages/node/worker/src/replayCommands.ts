import type { LogIndex } from "@annals/raft";
import type { LmdbLogStore } from "@annals/storage";
import { exactly } from "@annals/channel";
import type { FromWorker } from "./lane/messages.ts";

/** Commands at or below the stored applied index are not handed out again: the catalog is rebuilt from the log itself. */
export function replayCommands(
  store: LmdbLogStore,
  sendToGateway: (message: FromWorker) => void,
): void {
  for (let index: number = store.firstIndex(); index <= store.appliedIndex(); index++) {
    const stored = store.storedEntry(index as LogIndex);
    if (stored?.entry.kind === "command") {
      sendToGateway({ kind: "command", index, data: exactly(stored.entry.data) });
    }
  }
}

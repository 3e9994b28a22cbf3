/** Opens a log and reads all of it, in a process that damage may end. Prints one line: what it read, or the code that refused it. */
import { createHash } from "node:crypto";
import { asIndex } from "@annals/raft";
import { openLogStore } from "@annals/storage";

const [directory = "", segmentBytes = ""] = process.argv.slice(2);

async function read(): Promise<unknown> {
  const store = await openLogStore({ directory, logId: 1, segmentBytes: Number(segmentBytes) });
  const all = createHash("sha256");
  const last = store.lastIndex();
  for (let index = 1; index <= last; index++) {
    const stored = store.storedEntry(asIndex(index));
    all.update(JSON.stringify([index, stored?.entry.term, stored?.entry.kind]));
    all.update(stored?.entry.data ?? "");
  }
  const { hardState } = store.initialState();
  const state = [
    hardState,
    store.appliedIndex(),
    [...store.producers()],
    [...store.groups()],
    store.lastSeq(),
  ];
  const found = [last, all.digest("hex"), Buffer.from(store.headHash()).toString("hex"), state];
  await store.close();
  return found;
}

try {
  console.log(JSON.stringify({ read: await read() }));
} catch (error) {
  const code = error instanceof Error && "code" in error ? error.code : String(error);
  console.log(JSON.stringify({ refused: code }));
}

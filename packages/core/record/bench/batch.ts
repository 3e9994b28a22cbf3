/**
 * What a batch costs: building one, reading it, its chain hash. `pnpm exec node --conditions=annals-source packages/core/record/bench/batch.ts`.
 * Prints one JSON line each; items are records.
 */
import { hash } from "node:crypto";
import { runMicroBenches } from "@annals/kit";
import { asSeq } from "../src/seq.ts";
import { BatchView } from "../src/batchView.ts";
import { chainHash, ZERO_HASH } from "../src/chainHash.ts";
import { encodeBatch } from "../src/batchLayout.ts";

const RECORDS = 500;
const RECORD_BYTES = 256;
const bytes = RECORDS * RECORD_BYTES;
const records = Array.from({ length: RECORDS }, (_, k) => new Uint8Array(RECORD_BYTES).fill(k));
const header = {
  firstSeq: asSeq(1),
  count: RECORDS,
  recordedAt: 1_700_000_000_000,
  requests: [{ count: RECORDS, producer: undefined }],
};
const batch = encodeBatch(header, records);
const unpacked = (): never => {
  throw new RangeError("this batch is not compressed");
};
const sha256 = (...parts: readonly Uint8Array[]): Uint8Array =>
  hash("sha256", Buffer.concat(parts), "buffer");

await runMicroBenches([
  {
    what: "build a batch",
    items: RECORDS,
    bytes,
    run: () => void encodeBatch(header, records),
  },
  {
    what: "read every record of a batch",
    items: RECORDS,
    bytes,
    run: () => {
      const view = new BatchView(batch, unpacked);
      for (let k = 0; k < RECORDS; k++) view.record(k);
    },
  },
  {
    what: "chain hash of a batch",
    items: RECORDS,
    bytes,
    run: () => void chainHash(sha256, ZERO_HASH, 1, 1, 1, batch),
  },
]);

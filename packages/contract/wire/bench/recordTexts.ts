/**
 * What JSON for readers costs, beside decoding and `JSON.stringify`, which would change values:
 * `pnpm exec node --conditions=annals-source packages/contract/wire/bench/recordTexts.ts`. Prints one JSON line each; items are records.
 */
import { runMicroBenches } from "@annals/kit";
import { decodeRecord, encodeRecord } from "../src/recordCodec.ts";
import { RecordTexts } from "../src/recordTexts.ts";

const RECORDS = 1000;
const TIME = Date.UTC(2026, 10, 22);
const audit = Array.from({ length: RECORDS }, (_, k) =>
  encodeRecord({
    actor: { id: `user-${k % 97}`, type: "user", address: "10.0.0.7" },
    action: "document.read",
    targets: [{ type: "document", id: `doc-${k}` }],
    outcome: "success",
    data: { n: k, ratio: k / 7, note: 'a "quoted" text with ümläuts\nand lines', tags: ["a", "b"] },
  }),
);
const binary = [
  encodeRecord({ actor: { id: "a" }, action: "b", data: { v: new Uint8Array(1e6) } }),
];

function texts(records: readonly Uint8Array[]): number {
  const run = new RecordTexts();
  for (const [k, record] of records.entries()) run.add(k, TIME, record, Number.POSITIVE_INFINITY);
  return run.take().length;
}

function stringified(records: readonly Uint8Array[]): number {
  const recordedAt = new Date(TIME).toISOString();
  const items = records.map((record, seq) =>
    JSON.stringify({ seq, recordedAt, ...decodeRecord(record) }),
  );
  return Buffer.from(items.join("")).length;
}

await runMicroBenches(
  [audit, binary].flatMap((records, k) => [
    {
      what: `${k === 0 ? "audit records" : "a megabyte of binary"} as text`,
      items: records.length,
      bytes: texts(records),
      run: () => void texts(records),
    },
    {
      what: `${k === 0 ? "audit records" : "a megabyte of binary"}, decoded and stringified`,
      items: records.length,
      bytes: texts(records),
      run: () => void stringified(records),
    },
  ]),
);

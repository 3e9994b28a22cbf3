import { encodeRecord } from "@annals/wire";
import type { AuditRecord, RecordValue } from "@annals/record";
import type { Random } from "@annals/kit";

const DIGEST = "9f".repeat(32);

/** Records that use every field and every kind of value. */
function records(random: Random): readonly AuditRecord[] {
  const plain: AuditRecord = { actor: { id: "alice" }, action: "file.read" };
  const full: AuditRecord = {
    actor: { type: "user", id: "älice@example.org" },
    action: "file.modified",
    time: "2026-01-31T12:00:00Z",
    targets: [
      { type: "file", id: "README.md" },
      { type: "dir", id: "docs" },
    ],
    outcome: "success",
    changes: [{ path: "blob", before: null, after: "9f2c" }],
    attachments: [{ sha256: DIGEST, bytes: 70_000, mediaType: "image/png" }],
    context: { ip: "192.0.2.7", requestId: "r-1" },
    data: { size: 70_000, ratio: -0.5, deep: [-1, true, null, "\u{1f600}", 2 ** 40], empty: {} },
  };
  const manyKeys = Object.fromEntries(
    Array.from({ length: 40 }, (_, k) => [`key${k}`, random.below(100)]),
  );
  let deep: RecordValue = "bottom";
  for (let level = 0; level < 25; level++) deep = level % 2 === 0 ? [deep] : { in: deep };
  return [
    plain,
    full,
    { ...plain, data: manyKeys },
    { ...plain, data: { deep } },
    { ...plain, data: { numbers: [0, 127, 128, 255, 65_536, 2 ** 32, -33, -32_769, 1.5e300] } },
  ];
}

export function msgpackSamples(random: Random): readonly Uint8Array[] {
  const all = records(random).map((record) => encodeRecord(record));
  const array = (count: number, parts: readonly Uint8Array[]): Buffer =>
    Buffer.concat([Uint8Array.of(0x90 | count), ...parts]);
  return [array(1, all.slice(0, 1)), array(all.length, all), Buffer.concat(all), ...all];
}

export function jsonSamples(random: Random): readonly Uint8Array[] {
  const all = records(random).map((record) => JSON.stringify(record));
  return [...all, `[${all.join(", ")}]`, `[\n${all[0]}\n]`].map((text) => Buffer.from(text));
}

export function ndjsonSamples(random: Random): readonly Uint8Array[] {
  const all = records(random).map((record) => JSON.stringify(record));
  return [all.join("\n"), `${all.join("\r\n")}\n\n`].map((text) => Buffer.from(text));
}

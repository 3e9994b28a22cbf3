/**
 * The sidecar: a small file beside the segments that says what they must at least hold, so that damage to LMDB cannot quietly
 * take history back. Two slots of 4096 bytes are written in turn; a torn write leaves the other one. Layout of a slot, version 1,
 * big-endian:
 *
 *     u32 magic "ANSC" · u32 version · u32 logId · u64 sequence · u64 first · u64 last · u64 term · u64 votedFor
 *     · hash at last (32) · u32 CRC-32 of all before
 */
import { open, readFile, rename } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import { asIndex, asMemberId, asTerm } from "@annals/raft";
import type { LogIndex, MemberId, Term } from "@annals/raft";
import { HASH_BYTES } from "@annals/record";
import { errnoOf, fileFailed } from "../disk/diskRefusal.ts";
import { syncDirectory } from "./segmentDirectory.ts";

const MAGIC = 0x414e5343;
const SIDECAR_VERSION = 1;
const SLOT_BYTES = 4096;
const HASH_AT = 4 + 4 + 4 + 8 * 5;
const CRC_AT = HASH_AT + HASH_BYTES;

/** What the segments must at least hold. */
export interface Attestation {
  readonly first: LogIndex;
  readonly last: LogIndex;
  /** Chain hash at `last`. */
  readonly hash: Uint8Array;
  readonly term: Term;
  readonly votedFor: MemberId;
}

export function sidecarPath(directory: string): string {
  return join(directory, "sidecar");
}

function encodeSlot(logId: number, sequence: number, attested: Attestation): Uint8Array {
  const slot = Buffer.alloc(SLOT_BYTES);
  slot.writeUInt32BE(MAGIC, 0);
  slot.writeUInt32BE(SIDECAR_VERSION, 4);
  slot.writeUInt32BE(logId, 8);
  const { first, last, term, votedFor } = attested;
  for (const [k, value] of [sequence, first, last, term, votedFor].entries())
    slot.writeBigUInt64BE(BigInt(value), 12 + 8 * k);
  slot.set(attested.hash, HASH_AT);
  slot.writeUInt32BE(crc32(slot.subarray(0, CRC_AT)), CRC_AT);
  return slot;
}

interface Slot {
  readonly logId: number;
  readonly sequence: number;
  readonly attested: Attestation;
}

/** Undefined when the slot was never written, is torn or is damaged. */
function decodeSlot(bytes: Uint8Array): Slot | undefined {
  const slot = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (slot.length < CRC_AT + 4 || slot.readUInt32BE(0) !== MAGIC) return undefined;
  if (slot.readUInt32BE(4) !== SIDECAR_VERSION) return undefined;
  if (slot.readUInt32BE(CRC_AT) !== crc32(slot.subarray(0, CRC_AT))) return undefined;
  const number = (k: number): number => Number(slot.readBigUInt64BE(12 + 8 * k));
  return {
    logId: slot.readUInt32BE(8),
    sequence: number(0),
    attested: {
      first: asIndex(number(1)),
      last: asIndex(number(2)),
      hash: Uint8Array.from(slot.subarray(HASH_AT, CRC_AT)),
      term: asTerm(number(3)),
      votedFor: asMemberId(number(4)),
    },
  };
}

/** The newest valid slot; "absent" without a file, "damaged" when no slot is valid. */
export async function readSidecar(directory: string): Promise<Slot | "absent" | "damaged"> {
  let bytes: Buffer;
  try {
    bytes = await readFile(sidecarPath(directory));
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return "absent";
    throw error;
  }
  const slots = [0, 1].flatMap(
    (k) => decodeSlot(bytes.subarray(k * SLOT_BYTES, (k + 1) * SLOT_BYTES)) ?? [],
  );
  return slots.toSorted((a, b) => b.sequence - a.sequence)[0] ?? "damaged";
}

/** The writer's side. One write at a time; the owner waits for one before it begins the next. */
export class Sidecar {
  readonly #directory: string;
  /** Undefined until the disk lets it be opened for writing. */
  #file: FileHandle | undefined;
  readonly #logId: number;
  #sequence: number;
  #attested: Attestation;

  private constructor(directory: string, { logId, sequence, attested }: Slot) {
    this.#directory = directory;
    this.#logId = logId;
    this.#sequence = sequence;
    this.#attested = attested;
  }

  /** Makes the file whole or not at all. */
  static async create(directory: string, logId: number, attested: Attestation): Promise<void> {
    const temporary = `${sidecarPath(directory)}-new`;
    const file = await open(temporary, "w");
    try {
      await file.write(encodeSlot(logId, 0, attested), 0, SLOT_BYTES, 0);
      await file.write(new Uint8Array(SLOT_BYTES), 0, SLOT_BYTES, SLOT_BYTES);
      await file.sync();
    } catch (cause) {
      throw fileFailed(sidecarPath(directory), "the sidecar could not be made", cause);
    } finally {
      await file.close();
    }
    await rename(temporary, sidecarPath(directory));
    await syncDirectory(directory);
    await syncDirectory(dirname(directory));
  }

  /** `later`: the disk takes no writes, and the file is opened by `openFile`. */
  static async open(directory: string, slot: Slot, when: "now" | "later"): Promise<Sidecar> {
    const sidecar = new Sidecar(directory, slot);
    if (when === "now") await sidecar.openFile();
    return sidecar;
  }

  get writable(): boolean {
    return this.#file !== undefined;
  }

  /** Idempotent. */
  async openFile(): Promise<FileHandle> {
    this.#file ??= await open(sidecarPath(this.#directory), "r+");
    return this.#file;
  }

  /** What the disk says, or will say when the write in the air is done. */
  get attested(): Attestation {
    return this.#attested;
  }

  /** Resolves when the slot is flushed. */
  async write(attested: Attestation): Promise<void> {
    this.#sequence += 1;
    this.#attested = attested;
    const slot = encodeSlot(this.#logId, this.#sequence, attested);
    const file = await this.openFile();
    try {
      await file.write(slot, 0, SLOT_BYTES, (this.#sequence % 2) * SLOT_BYTES);
      await file.datasync();
    } catch (cause) {
      throw fileFailed(sidecarPath(this.#directory), "the sidecar could not be written", cause);
    }
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }
}

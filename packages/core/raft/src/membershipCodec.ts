import {
  asMemberId,
  type MemberId,
  type MembershipChange,
  type MembershipOp,
  type MembershipTransition,
} from "./types.ts";

// Layout, all integers big-endian: format (1 byte, 1 or 2), transition (1), count of steps (2), then per step the operation (1) and
// the member id (8), then the context up to the end. A change of format 2 that only leaves a joint configuration, without context,
// has no bytes at all: an empty payload is never refused by the limit on uncommitted bytes.
const HEADER_BYTES = 4;
const STEP_BYTES = 9;
const STEPS_MAX = 0xffff;

const TRANSITIONS: readonly MembershipTransition[] = ["auto", "jointImplicit", "jointExplicit"];
const OPS: readonly MembershipOp[] = ["addVoter", "addLearner", "remove", "update"];
const NO_BYTES = new Uint8Array(0);

/** The bytes are no membership change: damage, or a proposal from a peer that does not keep to the protocol. */
export class MembershipCodecError extends Error {
  override readonly name: string = "MembershipCodecError";
  readonly code: string = "ERR_MEMBERSHIP_MALFORMED";
}

/** The payload of a `membership` entry. Throws if the change cannot be said in its format. */
export function encodeMembershipChange(change: MembershipChange): Uint8Array {
  const { format, transition, steps, context } = change;
  if (format === 1 && (steps.length !== 1 || transition !== "auto")) {
    throw new MembershipCodecError(
      `format 1 holds one step and no transition, not ${steps.length} steps with ${transition}`,
    );
  }
  if (steps.length > STEPS_MAX) {
    throw new MembershipCodecError(`${steps.length} steps, at most ${STEPS_MAX}`);
  }
  if (format === 2 && steps.length === 0 && transition === "auto" && context.byteLength === 0) {
    return NO_BYTES;
  }
  const bytes = new Uint8Array(HEADER_BYTES + steps.length * STEP_BYTES + context.byteLength);
  const view = new DataView(bytes.buffer);
  bytes[0] = format;
  bytes[1] = TRANSITIONS.indexOf(transition);
  view.setUint16(2, steps.length);
  let offset = HEADER_BYTES;
  for (const { op, member } of steps) {
    bytes[offset] = OPS.indexOf(op);
    view.setBigUint64(offset + 1, BigInt(member));
    offset += STEP_BYTES;
  }
  bytes.set(context, offset);
  return bytes;
}

/** The change in a `membership` entry. Untrusted bytes: throws `MembershipCodecError` on anything that no encoder wrote. */
export function decodeMembershipChange(bytes: Uint8Array): MembershipChange {
  if (bytes.byteLength === 0) {
    return { format: 2, transition: "auto", steps: [], context: NO_BYTES };
  }
  if (bytes.byteLength < HEADER_BYTES) {
    throw new MembershipCodecError(`${bytes.byteLength} bytes, a header has ${HEADER_BYTES}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const format = view.getUint8(0);
  if (format !== 1 && format !== 2) throw new MembershipCodecError(`unknown format ${format}`);
  const transition = TRANSITIONS[view.getUint8(1)];
  if (transition === undefined) {
    throw new MembershipCodecError(`unknown transition ${view.getUint8(1)}`);
  }
  const count = view.getUint16(2);
  if (format === 1 && (count !== 1 || transition !== "auto")) {
    throw new MembershipCodecError(`format 1 with ${count} steps and ${transition}`);
  }
  const end = HEADER_BYTES + count * STEP_BYTES;
  if (bytes.byteLength < end) {
    throw new MembershipCodecError(
      `${count} steps need ${end} bytes, there are ${bytes.byteLength}`,
    );
  }
  const steps: { op: MembershipOp; member: MemberId }[] = [];
  for (let offset = HEADER_BYTES; offset < end; offset += STEP_BYTES) {
    const op = OPS[view.getUint8(offset)];
    if (op === undefined) {
      throw new MembershipCodecError(`unknown operation ${view.getUint8(offset)}`);
    }
    const member = view.getBigUint64(offset + 1);
    if (member > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw new MembershipCodecError(`member id ${member} is no safe integer`);
    }
    steps.push({ op, member: asMemberId(Number(member)) });
  }
  return { format, transition, steps, context: bytes.slice(end) };
}

/** The change in untrusted bytes; undefined for anything that no encoder wrote. */
export function decodeOrUndefined(data: Uint8Array): MembershipChange | undefined {
  try {
    return decodeMembershipChange(data);
  } catch (error) {
    if (error instanceof MembershipCodecError) return undefined;
    throw error;
  }
}

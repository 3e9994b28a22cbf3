/** The value of one group in the `groups` table, layout version 2: `packVersioned`, then a CRC-32 salted with the key. */
import { asIndex } from "@annals/raft";
import { asSeq, LANES_MAX } from "@annals/record";
import type { GroupState, LaneState } from "@annals/replica";
import { assertVersion, MsgpackCursor, packVersioned } from "@annals/wire";
import { sealValue, unsealValue } from "./checkedValue.ts";
import { integerOf } from "./segmentRows.ts";

const GROUP_FORMAT = 2;
/** Far beyond any name that is let in. */
const TEXT_BYTES_MAX = 4096;

export function encodeGroup(key: Uint8Array, group: GroupState): Uint8Array {
  const { name, settings, begin, feeds, lanes } = group;
  return sealValue(
    packVersioned(GROUP_FORMAT, [
      name,
      settings,
      begin,
      feeds,
      lanes.flatMap(({ position, token, member }) => [position, token, member]),
    ]),
    key,
  );
}

/** Undefined when the checksum does not match; throws a `WireError` on another format. */
export function decodeGroup(key: Uint8Array, bytes: Uint8Array): GroupState | undefined {
  const payload = unsealValue(bytes, key);
  if (payload === undefined) return undefined;
  assertVersion(payload, GROUP_FORMAT, "group");
  const cursor = new MsgpackCursor(payload, 1);
  cursor.tuple("group", 5);
  const name = cursor.string("name", TEXT_BYTES_MAX);
  const settings = cursor.string("settings", TEXT_BYTES_MAX);
  const begin = asSeq(cursor.uint("begin"));
  const feeds = cursor.string("feeds", TEXT_BYTES_MAX);
  const values = cursor.array("lanes", 3 * LANES_MAX);
  if (values % 3 !== 0) throw cursor.fail("ERR_WIRE_COUNT", "lanes are no triples");
  const lanes: LaneState[] = [];
  for (let k = 0; k < values / 3; k++) {
    lanes.push({
      position: asSeq(cursor.uint("position")),
      token: cursor.uint("token"),
      member: cursor.string("member", TEXT_BYTES_MAX),
    });
  }
  cursor.end();
  return { id: asIndex(integerOf(key)), name, settings, begin, feeds, lanes };
}

/** The value of one producer in the `producers` table, layout version 1: `packVersioned`, then a CRC-32 salted with the key. */
import { asIndex } from "@annals/raft";
import { asSeq, PRODUCER_ID_BYTES_MAX } from "@annals/record";
import type { ProducerAnswer, ProducerState } from "@annals/replica";
import { assertVersion, MsgpackCursor, packVersioned } from "@annals/wire";
import { sealValue, unsealValue } from "./checkedValue.ts";

const PRODUCER_FORMAT = 1;
/** Far beyond any window of remembered answers. */
const RECENT_MAX = 4096;
/** Numbers that one answer takes. */
const ANSWER_NUMBERS = 5;

/** The key of a producer: its id in UTF-8. Throws a RangeError when it is empty or too long for a batch, too. */
export function producerKey(id: string): Uint8Array {
  const key = Buffer.from(id, "utf8");
  if (key.length < 1 || key.length > PRODUCER_ID_BYTES_MAX)
    throw new RangeError(`a producer id of ${key.length} bytes`);
  return key;
}

export function encodeProducer(key: Uint8Array, state: ProducerState): Uint8Array {
  return sealValue(
    packVersioned(PRODUCER_FORMAT, [
      state.epoch,
      state.lastIndex,
      state.recent.flatMap((answer) => [
        answer.sequence,
        answer.fingerprint,
        answer.firstSeq,
        answer.lastSeq,
        answer.count,
      ]),
    ]),
    key,
  );
}

/** Undefined when the checksum does not match; throws a `WireError` on another format. */
export function decodeProducer(key: Uint8Array, bytes: Uint8Array): ProducerState | undefined {
  const payload = unsealValue(bytes, key);
  if (payload === undefined) return undefined;
  assertVersion(payload, PRODUCER_FORMAT, "producer");
  const cursor = new MsgpackCursor(payload, 1);
  cursor.tuple("producer", 3);
  const epoch = cursor.uint("epoch");
  const lastIndex = asIndex(cursor.uint("lastIndex"));
  const numbers = cursor.array("recent", ANSWER_NUMBERS * RECENT_MAX);
  if (numbers % ANSWER_NUMBERS !== 0)
    throw cursor.fail("ERR_WIRE_COUNT", `answers are no groups of ${ANSWER_NUMBERS}`);
  const recent: ProducerAnswer[] = [];
  for (let k = 0; k < numbers / ANSWER_NUMBERS; k++) {
    const sequence = cursor.uint("sequence");
    recent.push({
      sequence,
      fingerprint: cursor.uint("fingerprint"),
      firstSeq: asSeq(cursor.uint("firstSeq")),
      lastSeq: asSeq(cursor.uint("lastSeq")),
      count: cursor.uint("count"),
    });
  }
  cursor.end();
  return { epoch, recent, lastIndex };
}

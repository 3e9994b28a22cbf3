import { STREAM_PROTOCOLS } from "@annals/wire";
import type { StreamProtocol } from "@annals/wire";
import type { Random } from "@annals/kit";
import { mutate } from "../mutate.ts";
import { TARGETS } from "../targets.ts";
import type { Conversation } from "./conversation.ts";
import { cut, ENDINGS } from "./pieces.ts";
import { control, message, opening } from "./webSocketTalk.ts";

const MESSAGES_MAX = 5;

/** A client of the stream: messages of every kind, in any order, some of them changed. */
export function streamTalk(random: Random): Conversation {
  const protocol = random.pick(STREAM_PROTOCOLS);
  const offered = random.chance(0.95)
    ? [protocol]
    : random.pick([[], ["annals.v9"], STREAM_PROTOCOLS]);
  const said = Array.from({ length: random.below(MESSAGES_MAX) }, () => one(protocol, random));
  const bytes = Buffer.concat([opening("/v1/stream", offered, random), ...said]);
  return { door: "stream", pieces: cut(bytes, random), ending: random.pick(ENDINGS) };
}

function one(protocol: StreamProtocol, random: Random): Buffer {
  const samples = TARGETS.get(protocol)?.samples(random) ?? [];
  const plain = random.pick(samples);
  const payload = random.chance(0.6) ? plain : mutate(plain, samples, random);
  if (random.chance(0.05)) return control(random);
  return message(payload, random.chance(0.5) ? "text" : "binary", random);
}

import type { ProducerStamp } from "@annals/record";
import type { Replica } from "@annals/replica";
import type { ProducerStanding } from "@annals/api";

/** Whether the request with this stamp is in the log already. */
export function isKnown({ producers }: Replica, { id, epoch, sequence }: ProducerStamp): boolean {
  const state = producers.get(id);
  return state?.epoch === epoch && state.recent.some((answer) => answer.sequence === sequence);
}

/** Where a producer stands in a log, and how it may begin anew. */
export function producerStanding({ producers }: Replica, id: string): ProducerStanding {
  const nextEpoch = producers.nextEpoch(id);
  const state = producers.get(id);
  const last = state?.recent.at(-1);
  if (state === undefined || last === undefined) return { latest: undefined, nextEpoch };
  const { sequence, firstSeq, lastSeq } = last;
  return { latest: { id, epoch: state.epoch, sequence, firstSeq, lastSeq }, nextEpoch };
}

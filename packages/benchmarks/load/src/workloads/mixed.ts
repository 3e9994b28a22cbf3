import type { Target } from "../cluster/target.ts";
import { Consumer } from "../load/consumer.ts";
import { DeliveryClock } from "../measure/deliveryClock.ts";
import type { LatencySummary } from "../measure/latencies.ts";
import { scrape } from "../measure/scrape.ts";
import { measureAppend } from "./append.ts";
import type { AppendFigures, AppendOptions } from "./append.ts";

export interface MixedFigures extends Omit<AppendFigures, "kind"> {
  readonly kind: "mixed";
  readonly consumers: number;
  /** From when a request was due until the first consumer had all of it. */
  readonly delivery: LatencySummary;
  /** Requests of which nobody knows when they were delivered: the consumer is too far behind. */
  readonly deliveryMissed: number;
  /** Records that all consumers together were given, and how many the last one still lacked at the end. */
  readonly delivered: number;
  readonly lag: number;
}

/** Appends while consumers follow the end of the log. */
export async function measureMixed(
  target: Target,
  options: AppendOptions & { readonly consumers: number },
): Promise<MixedFigures> {
  const addresses = await target.addresses();
  const before = await scrape(addresses[0] ?? "", target.log);
  const from = (before?.lastSeq ?? 0) + 1;
  const clock = new DeliveryClock();
  clock.delivered(from - 1, performance.now());
  const ended = Promise.withResolvers<never>();
  // Nobody may be waiting for it when it comes.
  ended.promise.catch(() => undefined);
  let delivered = 0;
  const tos = Array.from({ length: options.consumers }, () => from - 1);
  const consumers = tos.map(
    (_, k) =>
      new Consumer({
        address: addresses[k % addresses.length] ?? "",
        log: target.log,
        from,
        decode: false,
        onPage: ({ to, count }) => {
          delivered += count;
          tos[k] = to;
          if (k === 0) clock.delivered(to, performance.now());
        },
        onEnd: (error) => ended.reject(error),
      }),
  );
  let lastSeq = from - 1;
  try {
    for (const consumer of consumers) await consumer.open();
    const appended = measureAppend(target, {
      ...options,
      onAccepted: (seq, dueMs) => {
        lastSeq = Math.max(lastSeq, seq);
        clock.acknowledged(seq, dueMs);
      },
    });
    const figures = await Promise.race([appended, ended.promise]);
    return {
      ...figures,
      kind: "mixed",
      consumers: consumers.length,
      delivery: clock.summary(),
      deliveryMissed: clock.missed,
      delivered,
      lag: Math.max(0, lastSeq - Math.min(...tos)),
    };
  } finally {
    for (const consumer of consumers) consumer.close();
  }
}

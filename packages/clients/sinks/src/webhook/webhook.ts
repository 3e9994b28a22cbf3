import { createHmac } from "node:crypto";
import { recordText } from "@annals/client";
import type { StoredRecord } from "@annals/client";
import { fingerprint } from "../recordHash.ts";
import type { Chunk, FailureClass, Sink, SinkCursor } from "../sink.ts";

export interface WebhookOptions {
  readonly url: string;
  /** Of the HMAC. */
  readonly secret: string;
  /** Id of the cluster, and its log: together with a seq, the idempotency key. */
  readonly cluster: string;
  readonly log: string;
  /** Milliseconds for one request; default 30 000. */
  readonly timeoutMs?: number;
  /** Milliseconds since 1970, for the signature. */
  readonly now: () => number;
}

interface Delivery {
  /** `cluster:log:seq` */
  readonly key: string;
  readonly json: string;
}

const TIMEOUT_MS = 30_000;

class Refused extends Error {
  readonly status: number;
  /** What `Retry-After` asks for. */
  readonly retryAfterMs: number | undefined;

  constructor(status: number, host: string, location: string | null, retryAfterMs?: number) {
    super(
      `${host} answered ${status}${location === null ? "" : `, a redirect to ${location}, which is not followed`}`,
    );
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * Sends records to a URL, the records of a chunk in one request. At least once: a receiver has to pass over idempotency keys that it knows.
 * It has nowhere to keep a cursor, so the position of the group is where it goes on.
 */
export class Webhook implements Sink<Delivery> {
  /** A receiver that moves is the same one. */
  readonly settings: string = fingerprint({ sink: "webhook", version: 2 });
  readonly target: string;
  readonly probing = "repeated";
  readonly #options: WebhookOptions;
  #cursor: SinkCursor | undefined;

  /** Throws a TypeError for what is no URL. */
  constructor(options: WebhookOptions) {
    const { origin } = new URL(options.url);
    this.#options = options;
    // What is behind it may be a secret.
    this.target = `webhook ${origin}`;
  }

  plan(record: StoredRecord): readonly Delivery[] {
    const { cluster, log } = this.#options;
    return [{ key: `${cluster}:${log}:${record.seq}`, json: recordText(record) }];
  }

  weigh({ key, json }: Delivery): number {
    return Buffer.byteLength(json) + key.length;
  }

  async open(): Promise<undefined> {
    return undefined;
  }

  async apply({ next, mutations }: Chunk<Delivery>, signal: AbortSignal): Promise<void> {
    if (mutations.length > 0) await this.#send(mutations, signal);
    this.#cursor = next;
  }

  /** Of a request without an answer it is not known whether it arrived: it is sent again. */
  async cursor(): Promise<SinkCursor | undefined> {
    return this.#cursor;
  }

  /** A record that the receiver has is one more time no harm; none at all is a request, too. */
  probe(deliveries: readonly Delivery[], signal: AbortSignal): Promise<void> {
    return this.#send(deliveries, signal);
  }

  classify(error: unknown): FailureClass {
    // No answer, or none in time.
    if (!(error instanceof Refused)) return "transient";
    const { status } = error;
    if (status >= 500 || status === 408 || status === 425 || status === 429) return "transient";
    if (status === 413) return "tooLarge";
    if (status === 400 || status === 422) return "data";
    return "settings";
  }

  retryAfterMs(error: unknown): number | undefined {
    return error instanceof Refused ? error.retryAfterMs : undefined;
  }

  async close(): Promise<void> {}

  async #send(deliveries: readonly Delivery[], signal: AbortSignal): Promise<void> {
    const { url, secret, cluster, log, now, timeoutMs = TIMEOUT_MS } = this.#options;
    const items = deliveries.map(
      ({ key, json }) => `{"key":${JSON.stringify(key)},"record":${json}}`,
    );
    const body = `{"records":[${items.join(",")}]}`;
    const seconds = Math.floor(now() / 1000);
    const [first] = deliveries;
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "annals-cluster": cluster,
        "annals-log": log,
        "annals-signature": `t=${seconds},v1=${sign(secret, seconds, body)}`,
        ...(deliveries.length === 1 ? { "idempotency-key": first?.key ?? "" } : {}),
      },
      body,
      redirect: "manual",
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    await response.body?.cancel();
    if (response.ok) return;
    const asked = waitAskedFor(response.headers.get("retry-after"), now());
    const { status, headers } = response;
    const location = status < 400 ? headers.get("location") : null;
    throw new Refused(status, new URL(url).host, location, asked);
  }
}

/** Milliseconds, of a `Retry-After` (RFC 9110 §10.2.3): seconds, or a date. Untrusted: whoever waits has a limit of their own. */
function waitAskedFor(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1000 : Date.parse(header) - nowMs;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

/** HMAC-SHA-256, in hex, over `<seconds>.<body>`: what a receiver computes again. */
function sign(secret: string, seconds: number, body: string): string {
  return createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex");
}

import { Backoff } from "@annals/flow";
import { parseExactly } from "@annals/record";
import type { WideNumbers } from "@annals/record";
import { ClientError, errorOfAnswer, errorOfFault } from "./clientError.ts";
import { Endpoints } from "./endpoints.ts";
import { pause } from "./pause.ts";
import type { Transport } from "./transport.ts";

export interface CallerOptions {
  readonly urls: readonly string[];
  /** Milliseconds for one attempt, answer included. */
  readonly attemptTimeoutMs: number;
  /** Milliseconds after which no further attempt begins. */
  readonly retryForMs: number;
  readonly wideNumbers: WideNumbers;
  readonly transport: Transport;
  readonly now: () => number;
  /** Uniform in [0, n). */
  readonly randomBelow: (n: number) => number;
}

export interface Call {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  /** The log whose leader is best asked. */
  readonly log: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** A function gives the body anew for every attempt. */
  readonly body?:
    | Uint8Array<ArrayBuffer>
    | string
    | (() => ReadableStream<Uint8Array> | Blob)
    | undefined;
  readonly signal: AbortSignal | undefined;
  /** `safe`: repeating is harmless. `once`: repeated only when nothing was accepted. */
  readonly repeat: "safe" | "once";
  /** What the answer means; by default it is JSON. May throw for an answer that means nothing. */
  readonly decode?: (text: string, headers: Headers) => unknown;
  /** A status that is an answer of this call although HTTP calls it an error. */
  readonly answeredBy?: number;
  /** Milliseconds that the server may wait on purpose before it answers; added to the attempt's timeout. */
  readonly extraMs?: number;
}

const BACKOFF_INITIAL_MS = 50;
const BACKOFF_MAX_MS = 2_000;
/** On top of what a server asks for comes up to one part in so many. */
const JITTER = 4;
const SEEKING_LEADER = new Set(["ERR_NO_LEADER", "ERR_NOT_LEADER", "ERR_LEADER_UNREACHABLE"]);
const ANSWER_BYTES_MAX = 64 << 20;

/** Carries calls out over HTTP: picks the server, bounds the time, tries again what may be tried again. */
export class Caller {
  readonly #options: CallerOptions;
  readonly #endpoints: Endpoints;
  readonly #closing = new AbortController();

  constructor(options: CallerOptions) {
    this.#options = options;
    this.#endpoints = new Endpoints(options.urls, options.now);
  }

  get seeds(): readonly string[] {
    return this.#endpoints.seeds;
  }

  get retryForMs(): number {
    return this.#options.retryForMs;
  }

  get wideNumbers(): WideNumbers {
    return this.#options.wideNumbers;
  }

  get transport(): Transport {
    return this.#options.transport;
  }

  now(): number {
    return this.#options.now();
  }

  get randomBelow(): (n: number) => number {
    return this.#options.randomBelow;
  }

  /** The base URL of a node, when any will do. */
  pick(): string {
    return this.#endpoints.pick(undefined);
  }

  /** That node did not serve: the next pick is another one. */
  failed(url: string): void {
    this.#endpoints.failed(undefined, url, true);
  }

  /** Calls `end` when the call is aborted or the client closed; at once if it is already. The result makes it forget that. */
  onEnd(signal: AbortSignal | undefined, end: (reason: ClientError) => void): () => void {
    const signals = [this.#closing.signal, ...(signal === undefined ? [] : [signal])];
    const ended = (): void => {
      try {
        this.#assertOpen();
        assertNotAborted(signal);
      } catch (error) {
        if (error instanceof ClientError) end(error);
      }
    };
    for (const one of signals) one.addEventListener("abort", ended);
    ended();
    return () => {
      for (const one of signals) one.removeEventListener("abort", ended);
    };
  }

  /** The parsed JSON of the answer. Rejects with a `ClientError` once trying again is over. */
  call(call: Call): Promise<unknown> {
    return this.#repeat(call, (url) => this.attempt(url, call));
  }

  /** The answer as it comes, once its head is here: only until then do time limits count. */
  stream(call: Call): Promise<Response> {
    return this.#repeat(call, async (url) => {
      const { attemptTimeoutMs } = this.#options;
      const head = new AbortController();
      const timer = setTimeout(() => head.abort(), attemptTimeoutMs);
      try {
        const response = await this.#fetch(url, call, head.signal);
        if (response.ok) return response;
        throw await refusal(response, url);
      } finally {
        clearTimeout(timer);
      }
    });
  }

  async #repeat<T>(call: Call, attempt: (url: string) => Promise<T>): Promise<T> {
    const { now, retryForMs, randomBelow } = this.#options;
    const deadlineMs = now() + retryForMs;
    const backoff = new Backoff({
      initialMs: BACKOFF_INITIAL_MS,
      maxMs: BACKOFF_MAX_MS,
      randomBelow,
    });
    // Whether an attempt ended without the certainty that nothing of it was accepted.
    let unknown = false;
    for (;;) {
      const url = this.#endpoints.pick(call.log);
      try {
        return await attempt(url);
      } catch (fault) {
        const found = fault instanceof ClientError ? fault : errorOfFault(fault, url);
        const error: ClientError = unknown && found.notAccepted ? found.afterUnknown() : found;
        if (!mayRepeat(error, call)) throw error;
        unknown ||= !error.notAccepted;
        this.#endpoints.failed(call.log, url, error.status === undefined);
        // An election is over in a second or less, which is the least that a server asks for: the backoff alone finds the leader sooner.
        const askedMs = SEEKING_LEADER.has(error.code) ? 0 : (error.retryAfterMs ?? 0);
        // Whoever was refused in the same moment was asked for the same wait: they must not all come back in the same moment.
        const waitMs = Math.max(backoff.nextMs(), askedMs + randomBelow(askedMs / JITTER));
        if (now() + waitMs >= deadlineMs) throw error;
        await this.pause(waitMs, call.signal);
      }
    }
  }

  /** One attempt at one server. */
  async attempt(url: string, call: Call): Promise<unknown> {
    const timeout = AbortSignal.timeout(this.#options.attemptTimeoutMs + (call.extraMs ?? 0));
    const response = await this.#fetch(url, call, timeout);
    if (!response.ok && response.status !== call.answeredBy) throw await refusal(response, url);
    return this.#guard(url, call, timeout, async () => {
      const { decode = (text) => parseExactly(text, this.#options.wideNumbers) } = call;
      const text = await readText(response, url);
      return decoded(response, url, () => decode(text, response.headers));
    });
  }

  async #fetch(url: string, call: Call, timeout: AbortSignal): Promise<Response> {
    this.#assertOpen(true);
    const signals = [
      timeout,
      this.#closing.signal,
      ...(call.signal === undefined ? [] : [call.signal]),
    ];
    const { transport } = this.#options;
    const body = typeof call.body === "function" ? call.body() : call.body;
    return this.#guard(url, call, timeout, async () => {
      const response = await transport.fetch(url + call.path, {
        method: call.method,
        headers: { accept: "application/json", ...call.headers },
        body: body ?? null,
        ...(typeof call.body === "function" ? { duplex: "half" } : {}),
        signal: AbortSignal.any(signals),
        redirect: "error",
      });
      if (call.log !== undefined && transport.followsLeader)
        this.#endpoints.learn(call.log, response.headers.get("annals-leader"));
      return response;
    });
  }

  /** Whatever goes wrong becomes a `ClientError` that says whether the server may have taken the request. */
  async #guard<T>(
    url: string,
    call: Call,
    timeout: AbortSignal,
    work: () => Promise<T>,
  ): Promise<T> {
    this.#assertOpen();
    try {
      return await work();
    } catch (fault) {
      if (fault instanceof ClientError) throw fault;
      this.#assertOpen();
      assertNotAborted(call.signal);
      if (timeout.aborted) {
        throw new ClientError("ERR_TIMEOUT", `${url} did not answer in time`, {
          retryable: true,
          cause: fault,
        });
      }
      throw errorOfFault(fault, url);
    }
  }

  /** Waits, or rejects at once when the call is aborted or the client closed. */
  async pause(waitMs: number, signal: AbortSignal | undefined): Promise<void> {
    const signals = [this.#closing.signal, ...(signal === undefined ? [] : [signal])];
    try {
      await pause(waitMs, AbortSignal.any(signals));
    } catch {
      this.#assertOpen();
      assertNotAborted(signal);
    }
  }

  /** `notAccepted`: nothing was sent yet. */
  #assertOpen(notAccepted = false): void {
    if (this.#closing.signal.aborted) {
      throw new ClientError("ERR_CLIENT_CLOSED", "the client is closed", { notAccepted });
    }
  }

  close(): void {
    this.#closing.abort();
  }
}

function assertNotAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) {
    throw new ClientError("ERR_ABORTED", "the call was aborted", { cause: signal.reason });
  }
}

async function refusal(response: Response, url: string): Promise<ClientError> {
  const text = await readText(response, url).catch(() => "");
  const body = decoded(response, url, () => parseExactly(text));
  return errorOfAnswer(response.status, body, response.headers.get("retry-after"), url);
}

function mayRepeat(error: ClientError, call: Call): boolean {
  // Nothing has failed: whoever stands by asks at a pace of their own.
  if (error.code === "ERR_GROUP_HELD") return false;
  return error.retryable && (call.repeat === "safe" || error.notAccepted);
}

async function readText(response: Response, url: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  // Not every browser can iterate over a stream.
  const reader = response.body?.getReader();
  for (;;) {
    const part = await reader?.read();
    if (part?.value === undefined) return text + decoder.decode();
    bytes += part.value.byteLength;
    if (bytes > ANSWER_BYTES_MAX) {
      await reader?.cancel();
      const what = `${url} answered more than ${ANSWER_BYTES_MAX} bytes`;
      throw new ClientError("ERR_ANSWER_INVALID", what);
    }
    text += decoder.decode(part.value, { stream: true });
  }
}

function decoded(response: Response, url: string, decode: () => unknown): unknown {
  try {
    return decode();
  } catch {
    // An error without a document is reported by its status; an answer must be JSON.
    if (!response.ok) return undefined;
    throw new ClientError("ERR_ANSWER_INVALID", `${url} answered something that is not JSON`);
  }
}

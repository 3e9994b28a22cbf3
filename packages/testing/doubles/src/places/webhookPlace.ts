import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { Webhook } from "@annals/sinks";
import type { DeclaredSink, SinkHarness } from "@annals/sinks";

/** Its receiver passes over the keys that it knows, as it has to. */
export const WEBHOOK: DeclaredSink<unknown> = {
  name: "webhook",
  effect: "exact by key",
  exempt: {
    "an old copy of the place":
      "a receiver keeps no cursor: the group's position is where it goes on",
  },
  make: webhookHarness,
};

const SECRET = "s3cret";

interface Received {
  readonly records: readonly {
    readonly key: string;
    readonly record: { readonly action: string };
  }[];
}

async function webhookHarness(): Promise<SinkHarness<unknown>> {
  const received = new Map<string, string>();
  const server: Server = createServer((request, response) => {
    void receive(request).then((status) => {
      response.writeHead(status).end();
    });
  });
  async function receive(request: IncomingMessage): Promise<number> {
    const body = await text(request);
    const [, seconds, mac] =
      /^t=(\d+),v1=(\w+)$/.exec(String(request.headers["annals-signature"])) ?? [];
    const wanted = createHmac("sha256", SECRET).update(`${seconds}.${body}`).digest("hex");
    if (mac !== wanted) return 401;
    const { records } = JSON.parse(body) as Received;
    if (records.some(({ record }) => record.action === "poison")) return 422;
    for (const { key, record } of records) received.set(key, JSON.stringify(record));
    return 204;
  }
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const options = {
    url: `http://127.0.0.1:${port}/in`,
    secret: SECRET,
    cluster: "c",
    log: "audit",
  };
  return {
    sink: () => new Webhook({ ...options, now: () => 1_700_000_000_000 }),
    dump: async () => [...received].map(([key, record]) => `${key} ${record}`).join("\n"),
    poison: (record) => ({ ...record, action: "poison" }),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

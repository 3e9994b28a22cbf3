import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { BoltServer, GrafeoEngine } from "@annals/doubles";

/** Somewhere that a sink writes to, and that knows what has come. */
export interface Place {
  readonly port: number;
  /** YAML of `to`, with the port that the sink sees. */
  readonly to: (port: number) => string;
  /** The seqs of the records that are there, each as often as it is there. */
  readonly seqs: () => Promise<readonly number[]>;
  readonly close: () => Promise<void>;
}

/** A receiver of webhooks that answers 204 and passes over keys that it knows. */
export async function webhookPlace(): Promise<Place> {
  const seen = new Set<number>();
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      for (const [, seq] of body.matchAll(/"key":"[^"]*:(\d+)"/g)) seen.add(Number(seq));
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    to: (port) => `{ webhook: { url: "http://127.0.0.1:${port}/", secretEnv: HOOK_SECRET } }`,
    seqs: () => Promise.resolve([...seen]),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A Bolt server before a Cypher engine in memory. */
export async function boltPlace(): Promise<Place> {
  const engine = await GrafeoEngine.open();
  const server = await BoltServer.start(engine);
  return {
    port: Number(server.address.split(":")[1]),
    to: (port) => `{ graph: { url: "bolt://127.0.0.1:${port}" } }`,
    seqs: async () => {
      const { rows } = await engine.run("MATCH (e:Event) RETURN e.seq AS seq", {});
      return rows.map(([seq]) => Number(seq));
    },
    close: async () => {
      await server.close();
      engine.close();
    },
  };
}

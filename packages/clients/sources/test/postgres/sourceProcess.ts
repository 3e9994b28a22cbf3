/** A source in a process of its own, which a test can kill: `node sourceProcess.ts URL-OF-CLUSTER URL-OF-DATABASE`. */
import { AnnalsClient } from "@annals/client";
import { PostgresSource } from "../../src/postgres/postgresSource.ts";

const [, , cluster = "", database = ""] = process.argv;
const source = new PostgresSource({
  name: "orders",
  client: new AnnalsClient({ urls: [cluster], retryForMs: 2_000 }),
  cluster: "c",
  log: "audit",
  url: database,
  schema: "public",
  table: "orders",
  column: "id",
  xid: "xact_id",
  mapping: { actor: { id: "{value.who}" }, action: "ordered" },
  pollMs: 10,
});
await source.run(new AbortController().signal);

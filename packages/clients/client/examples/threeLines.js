// Needs a cluster on 127.0.0.1:7400 (pnpm start):  pnpm exec node packages/clients/client/examples/threeLines.js
// Appends a login to the log audit, then shows what is in it and each new record; Ctrl-C ends it.
import { AnnalsClient } from "@annals/client";

const client = new AnnalsClient({ urls: [process.env.ANNALS_URL ?? "http://127.0.0.1:7400"] });
await client.append("audit", { actor: { id: "ada" }, action: "login" });
for await (const { seq, recordedAt, actor, action } of client.subscribe("audit", { from: "first" }))
  console.log(`${seq} ${recordedAt} ${actor.id} ${action}`);

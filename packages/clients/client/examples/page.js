// A script of a page with an element #records, which comes from the same origin as the cluster.
import { AnnalsClient } from "@annals/client";

const client = new AnnalsClient({ urls: [location.origin] });
const records = document.querySelector("#records");
const leaving = new AbortController();
addEventListener("pagehide", () => leaving.abort());

async function show() {
  await client.append("audit", { actor: { id: "ada" }, action: "page.opened" });
  const options = { from: "first", signal: leaving.signal };
  for await (const { seq, actor, action } of client.subscribe("audit", options))
    records.append(`${seq} ${actor.id} ${action}\n`);
}

show().catch((error) => records.append(`${error.code}: ${error.message}\n`));

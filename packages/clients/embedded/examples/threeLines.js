// After `pnpm build`:  pnpm exec node packages/clients/embedded/examples/threeLines.js [DIR]
// Appends a login to the log in DIR (default: ./audit), then shows all that is in it. No server is needed.
import { openLog } from "@annals/embedded";

const log = await openLog({ path: process.argv[2] ?? "audit" });
await log.append({ actor: { id: "ada" }, action: "login" });
for await (const { seq, recordedAt, actor, action } of log.records())
  console.log(`${seq} ${recordedAt} ${actor.id} ${action}`);
await log.close();

// A program that knows nothing of Annals: it writes one JSON line for each thing that happens. `annals append --follow` brings them into a log.
//
//     node packages/apps/cli/examples/growingFile.js app.ndjson [LINES] &
//     pnpm annals append --follow app.ndjson                # against `pnpm start`
import { appendFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

const [file = "app.ndjson", lines = "20"] = process.argv.slice(2);
for (let k = 1; k <= Number(lines); k++) {
  const time = new Date().toISOString();
  const record = {
    time,
    actor: { id: `clerk-${k % 3}` },
    action: "order.shipped",
    data: { order: k },
  };
  appendFileSync(file, `${JSON.stringify(record)}\n`);
  await delay(50);
}

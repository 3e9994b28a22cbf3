// A program that appends until it is killed. It prints the first seq of a request when it is acknowledged.
//
//     node --conditions=annals-source writer.ts PATH RUN
import { writeSync } from "node:fs";
import { openLog } from "../src/openLog.ts";

const [path = "", run = ""] = process.argv.slice(2);
const log = await openLog({ path, segmentBytes: 256 * 1024 });
for (let k = 0; ; k++) {
  const records = [1, 2].map((half) => ({ actor: { id: run }, action: `do-${k}-${half}` }));
  void log.append(records).then(({ firstSeq }) => writeSync(1, `${k} ${firstSeq}\n`));
  if (k % 8 === 7) await log.append({ actor: { id: run }, action: "breath" });
}

/**
 * House rules that no linter knows, checked over the sources of every package. Prints one line a finding and exits 1 if there is any.
 *
 *   node scripts/tidy/main.ts
 */
import { checkArrows } from "./arrows.ts";
import { checkTexts } from "./text.ts";

const findings = [...checkArrows(), ...checkTexts()];
for (const finding of findings) console.error(finding);
console.log(`tidy: ${findings.length} findings`);
process.exitCode = findings.length > 0 ? 1 : 0;

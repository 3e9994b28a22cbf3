// Goal: docs/configuration.md says what the table of keys says. `vitest -u` writes it anew.
import { mustLoad } from "@annals/kit";
import { expect, test } from "vitest";
import { envName } from "../src/envName.ts";
import { KEYS } from "../src/keys/keys.ts";
import { RESERVED_ENV } from "../src/load.ts";
import { formatDefault, formatGreatest } from "../src/show.ts";

const EXAMPLE = `cluster: prod
nodes:
  a: 10.0.0.1:7400
  b: 10.0.0.2:7400
  c: 10.0.0.3:7400
data: /var/lib/annals
insecure: true   # until there are keys: a trusted network only
`;

const INTRODUCTION = `# Configuration

One YAML file serves all nodes; \`--node ID\` or \`ANNALS_NODE\` says which one a process is. Everything but \`data\` has a default.

\`\`\`yaml
${EXAMPLE}\`\`\`

- Sizes and durations always carry their unit: \`64KiB\`, \`10MB\`, \`500ms\`, \`30s\`. Caps below 1 are refused.
- In values, \`\${NAME}\`, \`\${NAME:-default}\`, \`\${file:/path}\` and \`\${node}\` are replaced after parsing; \`$$\` is a dollar sign.
  In braces such a value needs quotes: \`{ key: "\${NAME}" }\`.
- Flags beat environment beat file. A variable that looks like a key and is none is refused, as is an unknown key.
- Top-level keys that start with \`x-\` are yours, for anchors; any section or value may be an alias. Merge keys (\`<<\`) are not taken.
- \`annals config check FILE\` reports every problem at once with its place; \`annals config show --origin\` prints where each value came from;
  \`annals config explain KEY\` prints the entry below; \`annals config schema\` prints a JSON schema for editors.
- Keys marked *cluster* must have the same value on every node: nodes compare a fingerprint of them when they connect.
- Other variables: ${RESERVED_ENV.map((name) => `\`${name}\``).join(", ")}.

## Keys
`;

function reference(): string {
  const entries = KEYS.map((spec) =>
    [
      `### \`${spec.path}\``,
      "",
      spec.about,
      "",
      `- default: \`${formatDefault(spec)}\`${spec.scope === "cluster" ? " · *cluster*" : ""}`,
      `- environment: \`${envName(spec.path)}\``,
      ...(formatGreatest(spec) === undefined ? [] : [`- greatest: \`${formatGreatest(spec)}\``]),
      ...(spec.tooLow === undefined ? [] : [`- too low: ${spec.tooLow}`]),
      ...(spec.tooHigh === undefined ? [] : [`- too high: ${spec.tooHigh}`]),
    ].join("\n"),
  );
  return `${INTRODUCTION}\n${entries.join("\n\n")}\n`;
}

test("docs/configuration.md is the table of keys", async () => {
  await expect(reference()).toMatchFileSnapshot("../../../../docs/configuration.md");
});

test("its example loads", () => {
  expect(mustLoad({ text: EXAMPLE, node: "b" }).address.host).toBe("10.0.0.2");
});

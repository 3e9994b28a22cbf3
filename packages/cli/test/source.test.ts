// Goal: `annals source kafka` reads its file strictly, and takes secrets from files and variables alone. Method: files, right and wrong; how
// it fares with a broker is shown by integration-tests/kafkaSource.test.ts.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readSecurity } from "../src/commands/sourceSecurity.ts";
import { cli } from "./harness.ts";
import type { Outcome } from "./harness.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "annals-source-"));
});
afterEach(() => rm(directory, { recursive: true }));

const REST = "group: g\ntopics: [t]\nrecord: { actor: { id: a }, action: did }\n";

async function source(text: string): Promise<Outcome> {
  const path = join(directory, "source.yaml");
  await writeFile(path, `${text}\n${REST}`);
  return cli(["source", "kafka", path], { cwd: directory });
}

test.each([
  ["sasl: { mechanism: plain, user: u, password: p }", /password/],
  ["sasl: { mechanism: scram-sha-512, user: u }", /expected passwordEnv or passwordFile/],
  [
    "sasl: { mechanism: scram-sha-512, user: u, passwordEnv: P, passwordFile: f }",
    /expected passwordEnv or passwordFile/,
  ],
  ["sasl: { mechanism: gssapi, user: u, passwordEnv: P }", /mechanism/],
  ["sasl: { mechanism: plain, user: u, passwordEnv: P }", /plain sends the password/],
  ["tls: { cert: c.pem }", /both cert and key/],
  ["tls: false", /tls/],
  ["sessionTimeout: 5s", /sessionTimeout: expected 6s or more/],
  ["sessionTimeout: soon", /sessionTimeout: expected 6s or more/],
])("%s is refused, with its place", async (line, why) => {
  const { code, stderr } = await source(`brokers: ["kafka.example:9093"]\n${line}`);
  expect([code, stderr]).toEqual([78, expect.stringMatching(why)]);
  expect(stderr).toMatch(/source\.yaml:2:\d+/);
});

test.each([
  ["sasl: { mechanism: scram-sha-256, user: u, passwordEnv: P }", "ERR_SOURCE_SECRET"],
  ["tls: true\nsasl: { mechanism: plain, user: u, passwordFile: none }", "ERR_FILE_UNREADABLE"],
  ["tls: { ca: none.pem }", "ERR_FILE_UNREADABLE"],
])("%s names what is not there", async (line, error) => {
  const { code, stderr } = await source(`brokers: ["kafka.example:9093"]\n${line}`);
  expect(code).not.toBe(0);
  expect(stderr).toContain(error);
});

test("what the file names is read: relative to where the command runs, without the newline at its end", async () => {
  await writeFile(join(directory, "ca.pem"), "authority");
  await writeFile(join(directory, "secret"), "horse\n");
  const brokers = ["kafka.example:9093"];
  const place = { cwd: directory, env: { P: "staple" } };
  const user = { mechanism: "scram-sha-512", user: "u" } as const;
  const byFile = { brokers, tls: { ca: "ca.pem" }, sasl: { ...user, passwordFile: "secret" } };
  expect(await readSecurity(byFile, place)).toEqual({
    tls: { ca: "authority", cert: undefined, key: undefined },
    sasl: { ...user, password: "horse" },
  });
  const byVariable = { brokers, tls: true, sasl: { ...user, passwordEnv: "P" } } as const;
  expect(await readSecurity(byVariable, place)).toEqual({
    tls: {},
    sasl: { ...user, password: "staple" },
  });
});

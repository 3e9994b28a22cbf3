// Goal: what is shown is what is loaded, and the schema says the same as the loader.
import { SAMPLES, mustLoad } from "@annals/kit";
import { describe, expect, test } from "vitest";
import { KEYS } from "../src/keys/keys.ts";
import { loadConfig } from "../src/load.ts";
import { configJsonSchema } from "../src/keys/jsonSchema.ts";
import { explainKey, showConfig } from "../src/show.ts";

describe("showConfig", () => {
  test("reads back as the same configuration", () => {
    const flags = Object.fromEntries(Object.entries(SAMPLES).map(([path, [, env]]) => [path, env]));
    const config = mustLoad({ text: "", flags, node: "c" });
    expect(mustLoad({ text: showConfig(config), node: "c" })).toEqual(config);
  });

  test("quotes what YAML would read otherwise", () => {
    const config = mustLoad({ text: 'cluster: "123"\ndata: "/a b/$${x}: #y"\n' });
    expect(config.data).toBe("/a b/${x}: #y");
    expect(mustLoad({ text: showConfig(config) })).toEqual(config);
  });

  test("tells where each value came from", () => {
    const result = loadConfig({
      file: "f.yaml",
      text: "data: /d\n",
      env: { ANNALS_CLUSTER: "prod" },
      flags: { "raft.tick": "50ms" },
    });
    const text = result.ok ? showConfig(result.config, result.origin) : "";
    expect(text).toMatch(/^data: \/d +# f\.yaml:1:7$/m);
    expect(text).toMatch(/^cluster: prod +# environment ANNALS_CLUSTER$/m);
    expect(text).toMatch(/^ {2}tick: 50ms +# flag raft\.tick$/m);
    expect(text).toMatch(/^ {2}electionTicks: 10 +# default$/m);
  });
});

describe("explainKey", () => {
  test("knows keys and sections", () => {
    const one = explainKey("raft.electionTicks");
    expect(one.ok && one.text).toContain("ANNALS_RAFT_ELECTION_TICKS");
    const section = explainKey("replication.append");
    expect(section.ok && section.text.match(/^replication\.append/gm)).toHaveLength(4);
  });

  test("says what was meant", () => {
    expect(explainKey("raft.elction")).toMatchObject({ ok: false });
    expect(explainKey("raft.electonTicks")).toEqual({
      ok: false,
      message: 'unknown key "raft.electonTicks", did you mean "raft.electionTicks"?',
    });
  });
});

describe("configJsonSchema", () => {
  test("has every key with its description and default, and refuses others", () => {
    const schema = configJsonSchema();
    for (const spec of KEYS) {
      let at: unknown = schema;
      for (const part of spec.path.split(".")) {
        const properties = (at as { properties: Record<string, unknown> }).properties;
        at = properties[part];
      }
      expect({ path: spec.path, at }).toMatchObject({ at: { description: spec.about } });
    }
    expect(schema).toMatchObject({ additionalProperties: false, required: ["data"] });
    expect(schema).toMatchObject({
      properties: { raft: { properties: { tick: { type: "string", default: "100ms" } } } },
    });
  });
});

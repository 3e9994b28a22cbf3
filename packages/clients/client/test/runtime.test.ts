// Goal: a runtime that is too old is refused when a client is made, and told what it lacks. Method: what it lacks is taken away.
import { afterEach, expect, test, vi } from "vitest";
import { AnnalsClient } from "../src/annalsClient.ts";

afterEach(() => vi.unstubAllGlobals());

test("a runtime without what is needed is named, and so are the versions that have it", () => {
  vi.stubGlobal("navigator", { userAgent: "Old Browser/1" });
  vi.stubGlobal("JSON", { parse: JSON.parse, stringify: JSON.stringify });
  const make = (): AnnalsClient => new AnnalsClient({ urls: ["http://127.0.0.1:1"] });
  expect(make).toThrow(
    expect.objectContaining({
      code: "ERR_CLIENT_OPTIONS",
      message:
        "Old Browser/1 lacks JSON.rawJSON: " +
        "Node 22, Chrome 119, Firefox 135, Safari 18.4 or newer is needed",
    }),
  );
});

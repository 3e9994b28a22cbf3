// Goal: a section is replaced and nothing else of the page changes, as often as one likes.
import { expect, test } from "vitest";
import { withSection } from "../src/page.ts";

const PAGE = "before\n<!-- one -->\nold\n<!-- /one -->\nafter\n<!-- two -->\n<!-- /two -->\n";

test("between its comments", () => {
  const once = withSection(PAGE, "one", "new\nlines\n\n");
  expect(once).toBe(PAGE.replace("old\n", "new\nlines\n"));
  expect(withSection(once, "one", "old")).toBe(PAGE);
});

test("a page without the place is an error, and keeps what it has", () => {
  expect(() => withSection(PAGE, "three", "x")).toThrow("<!-- three -->");
});

// Goal: a table fits the terminal that it is printed to, and a pipe gets everything.
import { expect, test } from "vitest";
import { Table, renderTable } from "../../src/program/table.ts";
import type { Column } from "../../src/program/table.ts";
import { columnsOf, cutTo } from "../../src/program/textWidth.ts";

interface Row {
  readonly seq: number;
  readonly at: string;
  readonly who: string;
  readonly what: string;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: "SEQ", value: ({ seq }) => String(seq), align: "right" },
  { title: "RECORDED", value: ({ at }) => at, short: ({ at }) => at.slice(0, 5) },
  { title: "ACTOR", value: ({ who }) => who },
  { title: "ACTION", value: ({ what }) => what },
];
const ROWS: readonly Row[] = [
  { seq: 9, at: "10:00:00.000", who: "ada", what: "login" },
  { seq: 12_345_678, at: "10:00:01.000", who: `mallory-${"x".repeat(200)}`, what: "file.deleted" },
  { seq: 7, at: "10:00:02.000", who: "漢字".repeat(20), what: "👩‍👩‍👧 opened" },
];
const PIPE = { color: false, width: Infinity };

function linesOf(text: string): readonly string[] {
  return text.trimEnd().split("\n");
}

test.each([120, 80, 50, 30, 20, 8, 1])("every row fits %i columns", (width) => {
  const lines = linesOf(renderTable(COLUMNS, ROWS, { color: false, width }));
  expect(lines).toHaveLength(4);
  for (const line of lines) expect(columnsOf(line)).toBeLessThanOrEqual(width);
});

test("what is narrowed is text, the widest first; numbers stay whole", () => {
  const [head, first, second] = linesOf(renderTable(COLUMNS, ROWS, { color: false, width: 40 }));
  expect(head).toBe("     SEQ  RECORDED  ACTOR      ACTION");
  expect(first).toBe("       9  10:00     ada        login");
  expect(second).toBe("12345678  10:00     mallory-…  file.del…");
});

test("a row that fits is whole, whatever the width", () => {
  const rows = ROWS.slice(0, 1);
  const wide = renderTable(COLUMNS, rows, PIPE);
  expect(wide).toBe("SEQ  RECORDED      ACTOR  ACTION\n  9  10:00:00.000  ada    login\n");
  expect(renderTable(COLUMNS, rows, { color: false, width: 33 })).toBe(wide);
});

test("in a pipe nothing is cut, and one long cell does not push away the others", () => {
  const [, first = "", second = ""] = linesOf(renderTable(COLUMNS, ROWS, PIPE));
  expect(second).toContain(`${"x".repeat(200)}  file.deleted`);
  expect(first.indexOf("login")).toBeLessThan(100);
});

test("parts of one table have the same columns, and the titles once", () => {
  const whole = renderTable(COLUMNS, ROWS, { color: false, width: 60 });
  const table = new Table(COLUMNS, { color: false, width: 60 });
  table.lines(ROWS);
  const parts = [ROWS.slice(0, 1), ROWS.slice(1), []].map((rows) => table.page(rows));
  expect(parts.join("")).toBe(whole);
});

test("a character is cut whole, and counted as the terminal shows it", () => {
  expect(cutTo("漢字漢字", 5)).toBe("漢字…");
  expect(cutTo("👩‍👩‍👧👩‍👩‍👧", 3)).toBe("👩‍👩‍👧…");
  expect(columnsOf("e\u0301a")).toBe(2);
  expect(cutTo("abc", 3)).toBe("abc");
  expect(cutTo("abc", 0)).toBe("");
});

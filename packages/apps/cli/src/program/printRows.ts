import type { CliContext, OutputOptions } from "./context.ts";
import { renderTable } from "./table.ts";
import type { Column } from "./table.ts";

/** A list in the format of the options: a table of `rows`, or `items` as they came, where a row is not all of one or more than one. */
export async function printRows<Row>(
  context: CliContext,
  options: OutputOptions,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  items: readonly unknown[] = rows,
): Promise<void> {
  const format = context.format(options);
  if (format === "table") return context.print(renderTable(columns, rows, context.look));
  if (format === "json") return context.printJson({ items, next: null });
  for (const item of items) await context.print(`${JSON.stringify(item)}\n`);
  return undefined;
}

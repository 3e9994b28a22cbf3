import { SINK_CONFORMANCE } from "./conformance.ts";
import type { MakeSink, SinkCaseName } from "./conformance.ts";

/** A sink as the conformance kit meets it, and what it says of itself. */
export interface DeclaredSink<Mutation> {
  readonly name: string;
  /** What its place shows of each record: it once; or as often as it likes, under a key by which receivers tell. */
  readonly effect: "exact" | "exact by key";
  /** Cases that do not apply to it, each with the reason. */
  readonly exempt: Readonly<Partial<Record<SinkCaseName, string>>>;
  /** Why it cannot be tried on this machine; undefined: it can. */
  readonly obstacle?: string | undefined;
  /** Makes an empty place for a case. */
  readonly make: (name: SinkCaseName) => ReturnType<MakeSink<Mutation>>;
}

/** What became of a case. */
export type CaseOutcome =
  | { readonly kind: "passed"; readonly effect: string }
  | { readonly kind: "failed"; readonly why: string }
  | { readonly kind: "doesNotApply"; readonly why: string }
  | { readonly kind: "notTried"; readonly why: string };

/** By sink and case. */
export type ConformanceOutcomes = ReadonlyMap<string, ReadonlyMap<SinkCaseName, CaseOutcome>>;

/** Tries every case on a sink. */
export async function tryCases<Mutation>(
  sink: DeclaredSink<Mutation>,
): Promise<ReadonlyMap<SinkCaseName, CaseOutcome>> {
  const outcomes = new Map<SinkCaseName, CaseOutcome>();
  for (const { name, run } of SINK_CONFORMANCE) {
    const declared = outcomeDeclared(sink, name);
    const isTried = declared.kind === "passed" && sink.obstacle === undefined;
    const failure = isTried
      ? await run(() => sink.make(name)).then(
          () => undefined,
          (error: unknown) => String(error),
        )
      : undefined;
    if (failure !== undefined) outcomes.set(name, { kind: "failed", why: failure });
    else if (declared.kind !== "passed" || sink.obstacle === undefined)
      outcomes.set(name, declared);
    else outcomes.set(name, { kind: "notTried", why: sink.obstacle });
  }
  return outcomes;
}

/** What a sink says that becomes of a case: what the documents show, and tests hold it to. */
export function outcomeDeclared<Mutation>(
  { effect, exempt }: DeclaredSink<Mutation>,
  name: SinkCaseName,
): CaseOutcome {
  const why = exempt[name];
  return why === undefined ? { kind: "passed", effect } : { kind: "doesNotApply", why };
}

/** Markdown: a row a case, a column a sink. */
export function conformanceTable(outcomes: ConformanceOutcomes): string {
  const sinks = [...outcomes.keys()];
  const row = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |\n`;
  const rows = SINK_CONFORMANCE.map(({ name, demand }) => {
    const cells = sinks.map((sink) => cellOf(outcomes.get(sink)?.get(name)));
    return row([`${name}: ${demand}`, ...cells]);
  });
  const rule = row(["Case", ...sinks].map(() => "---"));
  return [row(["Case", ...sinks]), rule, ...rows].join("");
}

function cellOf(outcome: CaseOutcome | undefined): string {
  switch (outcome?.kind) {
    case "passed":
      return outcome.effect;
    case "failed":
      return `**FAILED**: ${outcome.why}`;
    case "doesNotApply":
      return `does not apply: ${outcome.why}`;
    case "notTried":
      return `not tried: ${outcome.why}`;
    default:
      return "";
  }
}

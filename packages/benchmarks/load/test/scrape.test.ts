// Goal: a node's figures are read from what it says at /metrics, and nothing else is taken for them.
import { expect, test } from "vitest";
import { parseFigures } from "../src/measure/scrape.ts";

const TEXT = `# HELP annals_log_last_seq Last committed record.
# TYPE annals_log_last_seq gauge
annals_log_last_seq{log="audit"} 12
annals_log_last_seq{log="other"} 99
annals_log_role{log="audit",role="leader"} 1
annals_log_role{log="other",role="leader"} 0
annals_log_flushes_total{log="audit"} 7
annals_process_cpu_seconds_total 1.5
annals_process_resident_bytes 1000
`;

test("the figures of the log that is asked for", () => {
  expect(parseFigures(TEXT, "audit")).toEqual({
    cpuSeconds: 1.5,
    residentBytes: 1000,
    lastSeq: 12,
    leads: true,
    flushes: 7,
  });
  expect(parseFigures(TEXT, "other")).toMatchObject({ lastSeq: 99, leads: false });
});

test("of a node that does not count them, flushes are not known", () => {
  expect(parseFigures(TEXT, "third").flushes).toBeUndefined();
});

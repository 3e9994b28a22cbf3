// Goal: docs/errors.md and /openapi.json say what the code does. `vitest -u` writes docs/errors.md anew.
import { ERROR_TABLE, openApiDocument } from "@annals/api";
import { MemoryService } from "@annals/fake-server";
import { Gauge, GaugeFamily, Ledger } from "@annals/flow";
import {
  Admission,
  apiRoutes,
  AppendService,
  ByteBudget,
  EventLoopDelay,
  Forwarder,
  READ_PARAMETERS,
} from "@annals/http";
import { mustLoad } from "@annals/kit";
import { describe, expect, test } from "vitest";
import { httpOptions } from "../src/httpOptions.ts";

const INTRODUCTION = `# Errors

Every refusal is a problem document (RFC 9457, \`application/problem+json\`) with a stable \`code\`:

\`\`\`json
{
  "type": "urn:annals:error:ERR_RECORD_FIELD_MISSING",
  "title": "Missing field",
  "status": 400,
  "detail": "expected actor.id (record 3, actor, byte 214)",
  "code": "ERR_RECORD_FIELD_MISSING",
  "retryable": false,
  "details": { "position": 3, "path": "actor", "offset": 214 }
}
\`\`\`

Match \`code\`, never \`detail\`. \`retryable\` says whether the same request may succeed later without a change; where the wait is known, the
answer has \`Retry-After\`. Codes are never reused. "Nothing was accepted" means that a repeat cannot duplicate anything; where the outcome
is unknown, only a repeat with the same producer stamp cannot.
`;

function errorsPage(): string {
  const entries = Object.entries(ERROR_TABLE).map(([code, { status, title, meaning, mend }]) =>
    [`## \`${code}\``, "", `${status} · ${title}`, "", meaning, "", `*Mend:* ${mend}`].join("\n"),
  );
  return `${INTRODUCTION}\n${entries.join("\n\n")}\n`;
}

test("docs/errors.md is the table of errors", async () => {
  await expect(errorsPage()).toMatchFileSnapshot("../../../../docs/errors.md");
});

describe("openapi.json", () => {
  const document = openApiDocument();
  const paths = document["paths"] as Record<
    string,
    Record<string, { parameters?: { name: string; in: string }[] }>
  >;

  test("lists exactly the routes that are served", () => {
    const options = httpOptions(mustLoad({ text: "data: /tmp/annals\n" }), new Ledger());
    const forwarder = new Forwarder("a", new Gauge(1));
    const delay = new EventLoopDelay();
    delay.close();
    const service = new MemoryService();
    const appends = new AppendService({ service, forwarder, desk: options.desk });
    const routes = apiRoutes({
      delay,
      ...options,
      service,
      forwarder,
      answers: new ByteBudget(1, new GaugeFamily()),
      admission: new Admission({ ...options, appends }),
    });
    forwarder.close();
    const described = Object.entries(paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(described.toSorted()).toEqual(
      routes.map(({ method, path }) => `${method} ${path}`).toSorted(),
    );
  });

  test("lists exactly the parameters that a read takes", () => {
    const names = (paths["/v1/logs/{log}/records"]?.["get"]?.parameters ?? [])
      .filter((parameter) => parameter.in === "query")
      .map(({ name }) => name);
    expect(names.toSorted()).toEqual([...READ_PARAMETERS].toSorted());
  });

  test("refers only to what it defines", () => {
    const text = JSON.stringify(document);
    const { schemas } = document["components"] as { schemas: Record<string, unknown> };
    const references = [...text.matchAll(/#\/components\/schemas\/(\w+)/g)].map(
      (match) => match[1] ?? "",
    );
    expect(references.length).toBeGreaterThan(5);
    for (const name of references) expect(Object.keys(schemas)).toContain(name);
  });
});

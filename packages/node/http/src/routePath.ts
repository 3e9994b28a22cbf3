import type { FastifyRequest } from "fastify";
import { SYSTEM_LOG_NAME_PATTERN } from "@annals/system";
import { httpError } from "./problem.ts";

export function pathParameter(request: FastifyRequest, name: string): string {
  const value = (request.params as Readonly<Record<string, unknown>>)[name];
  return typeof value === "string" ? value : "";
}

export function logParameter(request: FastifyRequest): string {
  const log = pathParameter(request, "log");
  if (SYSTEM_LOG_NAME_PATTERN.test(log)) return log;
  throw httpError("ERR_LOG_NOT_FOUND", "a log name is lower-case letters, digits and . _ -");
}

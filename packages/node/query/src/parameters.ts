import { AnnalsError, NAME_BYTES_MAX } from "@annals/record";

/** A parameter that cannot be read, or contradicts another one. */
export function invalidParameter(name: string, problem: string): AnnalsError {
  return new AnnalsError("ERR_PARAMETER_INVALID", `${name}: ${problem}`, {
    details: { parameter: name },
  });
}

/** A whole number within [low, high]. */
export function integerParameter(
  name: string,
  text: string | undefined,
  low: number,
  high: number,
): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= low && value <= high)) {
    throw invalidParameter(name, `expected a whole number from ${low} to ${high}`);
  }
  return value;
}

export function choiceParameter<Choice extends string>(
  name: string,
  text: string | undefined,
  choices: readonly Choice[],
): Choice | undefined {
  if (text === undefined) return undefined;
  const choice = choices.find((candidate) => candidate === text);
  if (choice === undefined) throw invalidParameter(name, `expected ${choices.join(" or ")}`);
  return choice;
}

export function textParameter(name: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (text.length === 0 || text.length > NAME_BYTES_MAX) {
    throw invalidParameter(name, `expected 1 to ${NAME_BYTES_MAX} characters`);
  }
  return text;
}

const RFC3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$/;

/** An RFC 3339 time with its offset → ms since 1970. */
export function timeParameter(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = RFC3339.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(value)) {
    throw invalidParameter(name, "expected a time such as 2026-11-22T10:00:00Z (a + in it is %2B)");
  }
  return value;
}

import { type Argument, ScriptError } from "./dataDriven.ts";

/** The bare keys, as positive integers: node ids or a count. */
export function numbers(args: readonly Argument[]): readonly number[] {
  return args.filter((arg) => arg.values.length === 0).map((arg) => integer(arg.key));
}

/** The first argument, as an integer. */
export function firstNumber(args: readonly Argument[]): number {
  const [first] = args;
  if (first === undefined || first.values.length > 0) {
    throw new ScriptError("the first argument must be a number");
  }
  return integer(first.key);
}

/** The one value of `key`, undefined if the key is absent. */
export function value(args: readonly Argument[], key: string): string | undefined {
  return args.find((arg) => arg.key === key)?.values[0];
}

/** Every value of `key`, as integers. */
export function numberList(args: readonly Argument[], key: string): readonly number[] {
  return args.filter((arg) => arg.key === key).flatMap((arg) => arg.values.map(integer));
}

/** The one value of `key`, as an integer. */
export function requiredNumber(args: readonly Argument[], key: string): number {
  const text = value(args, key);
  if (text === undefined) throw new ScriptError(`${key}= is missing`);
  return integer(text);
}

export function integer(text: string): number {
  if (!/^\d+$/.test(text)) throw new ScriptError(`${text} is no number`);
  return Number(text);
}

export function boolean(text: string): boolean {
  if (["true", "t", "1"].includes(text.toLowerCase())) return true;
  if (["false", "f", "0"].includes(text.toLowerCase())) return false;
  throw new ScriptError(`${text} is neither true nor false`);
}

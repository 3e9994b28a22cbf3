/** Marks a branch that no value can reach; a new member of a union then fails to compile where it is not handled. */
export function assertNever(value: never): never {
  throw new TypeError(`unhandled: ${JSON.stringify(value)}`);
}

import type { GraphDatabase, GraphTransaction } from "./graphDatabase.ts";

/** Commits what `work` has done, or rolls it back and throws what it threw. */
export async function inTransaction<T>(
  database: GraphDatabase,
  signal: AbortSignal,
  work: (transaction: GraphTransaction) => Promise<T>,
): Promise<T> {
  const transaction = await database.begin(signal);
  try {
    const result = await work(transaction);
    await transaction.commit();
    return result;
  } catch (error) {
    await transaction.rollback();
    throw error;
  }
}

import { extname } from "node:path";

/** The script of a worker thread; it runs from the sources, too, where Node strips the types itself. */
export const WORKER_MAIN: URL = new URL(`./main${extname(import.meta.url)}`, import.meta.url);

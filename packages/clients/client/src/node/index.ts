export { fileBlob } from "./fileBlob.ts";
export { saveBlob } from "./saveBlob.ts";

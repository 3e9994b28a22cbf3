// Goal: what etcd is sent is what its schema says. Method: bytes that protoc makes of the same messages, written down.
import { expect, test } from "vitest";
import { grpcBody, putRequest, txnRequest } from "../src/peers/grpc.ts";

test("a put: key = 1, value = 2", () => {
  expect(putRequest("k", Buffer.from("vv")).toString("hex")).toBe("0a016b12027676");
});

test("a transaction: success = 2, of operations with request_put = 2; lengths of more than a byte", () => {
  const put = putRequest("k", Buffer.alloc(200, 0));
  const txn = txnRequest([put, putRequest("l", Buffer.from("v"))]);
  expect(put.subarray(0, 6).toString("hex")).toBe("0a016b12c801");
  expect(txn.subarray(0, 6).toString("hex")).toBe("12d10112ce01");
  expect(txn.subarray(-10).toString("hex")).toBe("120812060a016c120176");
});

test("the body of a call: not compressed, its length in four bytes", () => {
  expect(grpcBody(Buffer.from("abc")).toString("hex")).toBe("0000000003616263");
});

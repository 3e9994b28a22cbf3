// Goal: what etcd is sent is what its schema says. Method: bytes that protoc makes of the same messages, written down.
import { expect, test } from "vitest";
import {
  countFields,
  grpcBody,
  GrpcReader,
  putRequest,
  txnRequest,
  watchRequest,
} from "../src/grpc.ts";

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

test("a watch: create_request = 1, of key = 1, range_end = 2, start_revision = 3", () => {
  expect(watchRequest("a", "b", 300).toString("hex")).toBe("0a090a016112016218ac02");
});

test("messages of a stream come out whole, however it is cut, and their fields are counted", () => {
  const message = Buffer.from("08ac025a01611201625a00", "hex");
  const stream = Buffer.concat([grpcBody(message), grpcBody(Buffer.alloc(0)), grpcBody(message)]);
  for (let cut = 0; cut <= stream.length; cut++) {
    const reader = new GrpcReader();
    const read = [...reader.read(stream.subarray(0, cut)), ...reader.read(stream.subarray(cut))];
    expect(read.map((one) => countFields(one, 11))).toEqual([2, 0, 2]);
    expect(read[0]?.equals(message)).toBe(true);
  }
});

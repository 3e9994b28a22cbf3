#!/usr/bin/env node
// Starts the command on Node 24, whatever Node npm happened to start this with. ES5 on purpose: an old Node must be able to read it.
"use strict";
var path = require("path");
var main = path.join(__dirname, "..", "dist", "main.js");

function newerNode() {
  try {
    return require.resolve("node-" + process.platform + "-" + process.arch + "/bin/node");
  } catch (error) {
    if (error.code !== "MODULE_NOT_FOUND") throw error;
    return undefined;
  }
}

if (parseInt(process.versions.node, 10) >= 24) {
  void import(require("url").pathToFileURL(main).href);
} else if (newerNode() === undefined) {
  console.error(
    "annals: needs Node 24 or newer, this is " +
      process.version +
      ": install it from https://nodejs.org (ERR_NODE_TOO_OLD)",
  );
  process.exitCode = 78;
} else {
  var child = require("child_process").spawn(newerNode(), [main].concat(process.argv.slice(2)), {
    stdio: "inherit",
  });
  ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"].forEach(function (signal) {
    process.on(signal, function () {
      // From a terminal, Ctrl-C reaches the child by itself; a second copy would count as the second Ctrl-C.
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    });
  });
  child.on("exit", function (code, signal) {
    process.exitCode =
      signal === null ? code : 128 + (require("os").constants.signals[signal] || 0);
  });
}

// Runs no-ops. Each appends its due time and its start time to a file, in seconds since 1970.
const { openSync, writeSync } = require("node:fs");
const { Worker } = require("bullmq");
const { QUEUE, connect } = require("./connection");

const starts = openSync(process.env.BENCH_STARTS, "a");
let waiting = [];

async function noop(job) {
  waiting.push(`${job.data.nominal_at} ${Date.now() / 1000}\n`);
  if (waiting.length === 1) setImmediate(write);
}

function write() {
  writeSync(starts, waiting.join(""));
  waiting = [];
}

const worker = new Worker(QUEUE, noop, {
  connection: connect(),
  concurrency: Number(process.argv[2]),
  removeOnComplete: { count: 0 },
});
worker.on("error", (error) => console.error(error.message));
worker.waitUntilReady().then(() => console.log("ready."));

// `mass N` adds N job schedulers that are not due. `due FIRST` adds a job scheduler for each time of a JSON list on
// standard input, numbered from FIRST. Both add 100 at a time. `edit` serves the command `touch` of editor_protocol.py.
const { readFileSync } = require("node:fs");
const readline = require("node:readline");
const { Queue } = require("bullmq");
const { QUEUE, connect } = require("./connection");

const DAY = 24 * 3600 * 1000;
const queue = new Queue(QUEUE, { connection: connect() });

function upsert(name, at, more = {}) {
  const repeat = { every: DAY, startDate: Math.round(at * 1000) };
  return queue.upsertJobScheduler(name, repeat, { name: "noop", data: { nominal_at: at, ...more } });
}

async function upsertAll(n, one) {
  let next = 0;
  const take = async () => {
    while (next < n) await one(next++);
  };
  await Promise.all(Array.from({ length: 100 }, take));
}

async function touch(rate, seconds, first) {
  const began = Date.now();
  const tomorrow = began / 1000 + 80000;
  let done = 0;
  while (done / rate < seconds && Date.now() - began < seconds * 1000) {
    const wait = began + (done / rate) * 1000 - Date.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    await upsert(`job ${first + done}`, tomorrow, { edited: Date.now() });
    done += 1;
  }
  return done;
}

async function edit() {
  console.log("ready");
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [what, ...numbers] = line.split(" ");
    if (what !== "touch") throw new Error(`not understood: ${line}`);
    console.log("touching");
    console.log(await touch(...numbers.map(Number)));
  }
}

async function main([what, number]) {
  if (what === "mass") {
    const tomorrow = Date.now() / 1000 + 80000;
    await upsertAll(Number(number), (place) => upsert(`job ${place + 1}`, tomorrow));
  } else if (what === "due") {
    const instants = JSON.parse(readFileSync(0, "utf8"));
    await upsertAll(instants.length, (place) => upsert(`due ${Number(number) + place}`, instants[place]));
  } else {
    await edit();
  }
  process.exit(0);
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exit(1);
});

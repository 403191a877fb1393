// Runs no-ops. Each inserts a history row. The argument `batched` selects a local queue and batched completion.
const { run } = require("graphile-worker");

const BATCHED = { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 };

async function noop(payload, helpers) {
  const startedAt = new Date();
  await helpers.query("INSERT INTO history (job_id, started_at, finished_at) VALUES ($1, $2, clock_timestamp())", [
    helpers.job.id,
    startedAt,
  ]);
}

async function main(mode) {
  const runner = await run({
    connectionString: process.env.DATABASE_URL,
    taskList: { noop },
    preset: {
      worker: { concurrentJobs: 10, maxPoolSize: 12, ...(mode === "batched" ? BATCHED : {}) },
    },
    logger: new (require("graphile-worker").Logger)(() => () => {}),
  });
  console.log("ready.");
  await runner.promise;
}

main(process.argv[2]).catch((error) => {
  console.error(error.message);
  process.exit(1);
});

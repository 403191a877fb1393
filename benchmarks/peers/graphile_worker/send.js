// `send.js N`: creates the tables if they are missing, and enqueues N jobs.
const { runMigrations } = require("graphile-worker");
const { Client } = require("pg");

const HISTORY =
  "CREATE TABLE IF NOT EXISTS history (job_id bigint PRIMARY KEY, started_at timestamptz, finished_at timestamptz)";

async function main(n) {
  await runMigrations({ connectionString: process.env.DATABASE_URL });
  const client = new Client({ connectionString: process.env.DATABASE_URL });
  await client.connect();
  await client.query(HISTORY);
  await client.query("SELECT count(graphile_worker.add_job('noop')) FROM generate_series(1, $1::int)", [n]);
  await client.query("ANALYZE");
  await client.end();
}

main(Number(process.argv[2])).catch((error) => {
  console.error(error.message);
  process.exit(1);
});

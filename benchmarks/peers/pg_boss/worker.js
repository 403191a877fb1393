// Runs no-ops. A call of `work()` fetches at most two batches a second, so there are four calls, with batches of 100.
const PgBoss = require("pg-boss");

async function main() {
  const boss = new PgBoss(process.env.DATABASE_URL);
  boss.on("error", (error) => console.error(error.message));
  await boss.start();
  for (let place = 0; place < 4; place += 1) {
    await boss.work("bench", { batchSize: 100, pollingIntervalSeconds: 0.5 }, async () => {});
  }
  console.log("ready.");
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});

// `send.js N`: creates the tables and the queue if they are missing, and enqueues N jobs.
const PgBoss = require("pg-boss");

async function main(n) {
  const boss = new PgBoss(process.env.DATABASE_URL);
  await boss.start();
  await boss.createQueue("bench");
  for (let first = 0; first < n; first += 1000) {
    const size = Math.min(1000, n - first);
    await boss.insert(Array.from({ length: size }, () => ({ name: "bench", data: {} })));
  }
  await boss.stop({ graceful: false });
  process.exit(0);
}

main(Number(process.argv[2])).catch((error) => {
  console.error(error.message);
  process.exit(1);
});

// The connection as in BullMQ's documentation.
const { Redis } = require("ioredis");

exports.QUEUE = "bench";
exports.connect = () => new Redis(process.env.BROKER_URL, { maxRetriesPerRequest: null });

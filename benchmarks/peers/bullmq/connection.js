// The connection that BullMQ's own documentation makes.
const { Redis } = require("ioredis");

exports.QUEUE = "bench";
exports.connect = () => new Redis(process.env.BROKER_URL, { maxRetriesPerRequest: null });

import { Redis } from "ioredis";

/** The bare thing: a Node process that opens Redis, asks it once, and ends. */
const redis = new Redis(process.argv[2] ?? "");
await redis.ping();
redis.disconnect();

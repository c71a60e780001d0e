import type { Redis } from "ioredis";

/** What we use of ioredis: a single server, Sentinel and Cluster clients all fit. */
export type RedisClient = Pick<
  Redis,
  | "del"
  | "eval"
  | "evalsha"
  | "get"
  | "hget"
  | "hgetall"
  | "hmget"
  | "hset"
  | "pipeline"
  | "set"
  | "time"
  | "xrange"
  | "xtrim"
  | "zrange"
  | "zrangebylex"
  | "zrangebyscore"
  | "zrevrangebyscore"
>;

import { writeSync } from "node:fs";
import { memoryOf } from "./usage.ts";

/** Loaded before a program that is measured: tells its peak of memory and its processor time when it ends. */
process.on("exit", () => {
  const { user, system } = process.cpuUsage();
  writeSync(3, `${JSON.stringify({ peakMb: memoryOf("self").peakMb, cpuMs: (user + system) / 1000 })}\n`);
});

import { profile } from "../lib/profile.ts";
import type { ScanMeasured } from "../scan.ts";

const MB = 1024 * 1024;

/** Runs `work`, which answers the number of keys it saw, and prints what it took. */
export async function meter(work: () => Promise<number>): Promise<void> {
  const stopProfile = await profile();
  const baseMb = process.memoryUsage.rss() / MB;
  const cpu = process.cpuUsage();
  const started = performance.now();
  const keys = await work();
  const wallMs = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  await stopProfile();
  const peakMb = process.resourceUsage().maxRSS / 1024;
  const measured: ScanMeasured = { keys, wallMs, cpuMs: (user + system) / 1000, peakMb, baseMb };
  process.stdout.write(`${JSON.stringify(measured)}\n`);
}

import type { Clock } from "../../ports/clock.ts";
import type { Instant } from "../../rotation/record.ts";
import { type Finding, fail, pass, warn } from "./finding.ts";

/** Above this nothing destructive happens (R24). */
const STOPS_MS = 5 * 60_000;
const NOTICED_MS = 30_000;
/** The Date header has whole seconds. */
const GRAIN_MS = 1000;

/** How far somebody else's clock is ahead of ours, in milliseconds; null: it could not be asked. */
export type Lead = number | null;

/** Asks for a time and compares it with ours in the middle of the question. */
export async function leadOf(clock: Clock, ask: () => Promise<Instant | null>): Promise<Lead> {
  const before = clock.now();
  const theirs = await ask();
  return theirs === null ? null : Math.round(theirs - (before + clock.now()) / 2);
}

/** Our clock, Redis `TIME` and the Admin API's `Date`, each with each (R24). */
export async function checkClocks(leads: { redis: Promise<Lead>; admin: Promise<Lead> }): Promise<Finding[]> {
  const [redis, admin] = await Promise.all([leads.redis.catch(() => null), leads.admin.catch(() => null)]);
  const clocks = [
    { name: "this machine", lead: 0 as Lead },
    { name: "Redis", lead: redis },
    { name: "the Admin API", lead: admin },
  ];
  const known = clocks.flatMap(({ name, lead }) => (lead === null ? [] : [{ name, lead }]));
  const unknown = clocks.filter(({ lead }) => lead === null).map(({ name }) => name);
  const note = unknown.length === 0 ? "" : ` (${unknown.join(" and ")} could not be asked)`;
  const sorted = known.toSorted((a, b) => a.lead - b.lead);
  const [first, last] = [sorted[0], sorted.at(-1)];
  if (first === undefined || last === undefined || known.length < 2)
    return [warn("clocks", `nothing to compare with${note}`, "Repair what cannot be asked, then run this again.")];
  const apart = last.lead - first.lead;
  const said = `${last.name} is ${seconds(apart)} ahead of ${first.name}${note}`;
  const fix = "Let NTP (chrony, systemd-timesyncd) set the clocks of this machine and of Redis.";
  if (apart > STOPS_MS)
    return [fail("clocks", `${said}; above 5 minutes no key is deactivated or archived (R24)`, fix)];
  if (apart > NOTICED_MS) return [warn("clocks", said, fix)];
  return [pass("clocks", `${known.map(({ name }) => name).join(", ")} agree within ${seconds(apart)}${note}`)];
}

const seconds = (ms: number): string => `${Math.max(1, Math.round(ms / GRAIN_MS))} s`;

import { createHash } from "node:crypto";
import type { AuditDraft, AuditEntry, ChainHead } from "../ports/audit.ts";
import type { ChainPosition } from "../ports/chain.ts";
import { canonicalText, mayBeIllFormed } from "./canonical.ts";

/** What the first entry of all points back to. */
export const GENESIS = "0".repeat(64);
export const EPOCH_STARTED = "chain.epoch_started";

/** Why an epoch began. */
export type EpochReason = "first_start" | "redis_empty" | "redis_stale";

/** Entries for `drafts`, each pointing to the one before it, the first to `head`. */
export function link(install: string, head: ChainHead, drafts: readonly AuditDraft[]): AuditEntry[] {
  let { seq, hash } = head;
  return drafts.map((draft) => {
    seq += 1;
    const body = { ...plainJson(draft), schema: 1 as const, install, epoch: head.epoch, seq, prev: hash };
    hash = hashOf(body);
    return { ...body, hash };
  });
}

/**
 * The first entry of a new epoch. It continues after `previous`, the newest linked entry that could be found; what
 * turns up later beyond that one is an unshipped tail and no break (R18).
 */
export function startEpoch(
  install: string,
  previous: ChainHead | null,
  started: { at: number; reason: EpochReason; atLeast: number; found: Record<string, unknown> },
): AuditEntry {
  const epoch = Math.max(previous === null ? 1 : previous.epoch + 1, started.atLeast, started.at);
  const before = { epoch, seq: previous?.seq ?? 0, hash: previous?.hash ?? GENESIS };
  const evidence = { reason: started.reason, previous, ...started.found };
  const draft = {
    at: started.at,
    rotation: null,
    target: null,
    action: EPOCH_STARTED,
    actor: "keyturn",
    via: "audit",
    evidence,
  };
  return link(install, before, [draft])[0] as AuditEntry;
}

/** SHA-256 over the canonical JSON (RFC 8785) of everything but the hash. */
export function hashOf(body: Omit<AuditEntry, "hash">): string {
  return sha256(canonicalText(body));
}

/** One line of the file sink: canonical JSON, so that its own bytes can be checked. */
export function lineOf(entry: AuditEntry): string {
  return canonicalText(entry);
}

/** Whether the entry is what its hash says, from its content alone. */
export function isSound(entry: AuditEntry): boolean {
  const { hash, ...body } = entry;
  try {
    return hashOf(body) === hash;
  } catch {
    return false; // not canonical JSON (lone surrogates): we never write that
  }
}

/**
 * Whether a line's very bytes are what its hash says. Stricter than `isSound`: a field given twice, which readers
 * resolve differently, does not pass. An entry cannot contain its own hash elsewhere, so the cut is unambiguous.
 */
export function isSoundLine(line: string, hash: string): boolean {
  return sha256(line.replace(`"hash":"${hash}",`, "")) === hash;
}

/** The entry in a parsed line, bare or under `audit` (a log line); null when there is none. */
export function entryIn(value: unknown): AuditEntry | null {
  if (!isObject(value)) return null;
  const found = isObject(value["audit"]) ? value["audit"] : value;
  const { schema, install, epoch, seq, prev, hash, action, at } = found;
  const known = schema === 1 && typeof install === "string" && isCount(epoch) && isCount(seq) && isHash(prev);
  return known && isHash(hash) && typeof action === "string" && typeof at === "number"
    ? (found as unknown as AuditEntry)
    : null;
}

/** The head that the first entry of an epoch continues from; undefined when the entry is no such first entry. */
export function previousOf(entry: AuditEntry): ChainHead | null | undefined {
  if (entry.action !== EPOCH_STARTED) return undefined;
  const previous = entry.evidence["previous"];
  if (!isObject(previous)) return null;
  const { epoch, seq, hash } = previous;
  return isCount(epoch) && isCount(seq) && isHash(hash) ? { epoch, seq, hash } : null;
}

/**
 * Ends of branches that the first entry of an epoch names: a Redis that was set back went on with numbers that its lost
 * entries had already, and some process had both in its sink (R18).
 */
export function branchesOf(entry: AuditEntry): ChainHead[] {
  if (entry.action !== EPOCH_STARTED) return [];
  const { redis, branches } = entry.evidence;
  return [redis, ...(Array.isArray(branches) ? (branches as unknown[]) : [])].flatMap((named) => {
    if (!isObject(named)) return [];
    const { epoch, seq, hash } = named;
    return isCount(epoch) && isCount(seq) && isHash(hash) ? [{ epoch, seq, hash }] : [];
  });
}

export const headOf = (entry: ChainHead): ChainHead => ({ epoch: entry.epoch, seq: entry.seq, hash: entry.hash });

/** Chain order: by epoch, then by sequence number. */
export const compare = (a: ChainPosition, b: ChainPosition): number => a.epoch - b.epoch || a.seq - b.seq;

/** As JSON will bring it back, so that the hash of what is read equals the hash of what was written. */
function plainJson(draft: AuditDraft): AuditDraft {
  const wellFormed = (_key: string, value: unknown) => (typeof value === "string" ? value.toWellFormed() : value);
  const { at, rotation, target, action, actor, via, evidence, checkpoint } = draft;
  const fields = {
    at,
    rotation,
    target,
    action,
    actor,
    via,
    evidence,
    ...(checkpoint === undefined ? {} : { checkpoint }),
  };
  const text = JSON.stringify(fields);
  return JSON.parse(mayBeIllFormed(text) ? JSON.stringify(fields, wellFormed) : text) as AuditDraft;
}

const sha256 = (text: string): string => createHash("sha256").update(text, "utf8").digest("hex");
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;
const isHash = (value: unknown): value is string => typeof value === "string" && /^[0-9a-f]{64}$/.test(value);

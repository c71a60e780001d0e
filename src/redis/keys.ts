/**
 * Every key of one installation. The braces are a Redis Cluster hash tag: all keys lie in one slot, so that one
 * script may change them together.
 */
export function keysOf(install: string) {
  const key = (name: string) => `{${install}}:${name}`;
  return {
    /** Hash: revision, record (JSON), locks (JSON array of the names it holds), by (token of the last save). */
    record: (id: string) => key(`record:${id}`),
    /** Sorted set: ids of rotations that are not final, by creation time. */
    open: key("open"),
    /** Sorted set: every id, by creation time. */
    all: key("all"),
    /** Sorted set with one score: every id in alphabetical order, for prefixes. */
    ids: key("ids"),
    /** Sorted set: ids by the time of their next look. */
    due: key("due"),
    /** Hash: lock name to rotation id. */
    locks: key("locks"),
    /** Hash: target to what its last failed end left behind. */
    aftermath: key("aftermath"),
    /** Stream with ids `epoch-seq`: the newest entries of the audit chain. */
    audit: key("audit"),
    /** String `epoch seq hash`. */
    auditHead: key("audit-head"),
    /** Hash: sink to `epoch-seq`, up to where that sink is complete. */
    auditShipped: key("audit-shipped"),
    /** Hash: subject to who holds it since when. */
    holds: key("holds"),
    /** Hash: configuration hash to its modification time, holds and last sight. */
    configs: key("configs"),
    lastScan: key("scan-success"),
    /** JSON object: key id to status, as the last scan saw it. */
    statuses: key("scan-statuses"),
    /** Hash: fingerprint to target. */
    fingerprints: key("fingerprints"),
    /** Hash: link (JSON), state, until, left. Gone an hour after the link ended. */
    intakeLink: (tokenHash: string) => key(`intake:${tokenHash}`),
    /** String: hash of the token of a rotation's newest link. */
    intakeOf: (rotation: string) => key(`intake-of:${rotation}`),
    /** String (JSON), by the SHA-256 of the cookie; expires with the session. */
    session: (idHash: string) => key(`session:${idHash}`),
    /** String (JSON): what the session's next page says. */
    sessionWord: (idHash: string) => key(`session-word:${idHash}`),
    /** String (JSON): a sign-in under way at the issuer. */
    login: (idHash: string) => key(`login:${idHash}`),
    /** String (JSON): what the last scan found. */
    scanReport: key("scan-report"),
    /** Sorted set: rotations that people have to be told about, by when. */
    outbox: key("outbox"),
    /** Hash: rotation to the number under which it was added last. */
    outboxStamps: key("outbox-stamps"),
    outboxCounter: key("outbox-counter"),
    /** Hash: channel to what it has said of this rotation (JSON). Gone 30 days after the end was delivered. */
    outboxMemory: (id: string) => key(`outbox-memory:${id}`),
    /** Hash: rotation to the revision delivered last; without those whose end was delivered. */
    outboxDelivered: key("outbox-delivered"),
    /** String, forgotten by itself: a request or click that was taken already. */
    seen: (what: string) => key(`seen:${what}`),
    /**
     * Of one channel. Sorted sets: cards (undecided, by when they end), taken (of these, by when they came), waiting (by age), until (waiting, by when they end);
     * hash lines (id to JSON); string digest (JSON).
     */
    slackCards: (channel: string, part: "cards" | "taken" | "waiting" | "until" | "lines" | "digest") =>
      key(`slack-${part}:${channel}`),
    /** Sorted set: each `serve` that is there, by when it counts as gone. */
    serving: key("serving"),
    /** Sorted set: each process that is at work, with its host, by when it counts as gone. */
    processes: key("processes"),
    /** Hash: what all replicas together may still ask of the Admin API. */
    adminBudget: key("admin-budget"),
    lease: (name: string) => key(`lease:${name}`),
  };
}
export type Keys = ReturnType<typeof keysOf>;

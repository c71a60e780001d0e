import type { IntakeLink, IntakeLinks, LinkState } from "../../../src/ports/intake-links.ts";

/** One-time links with the rules of the real scripts (test/contract compares the two). */
export function memoryLinks(): IntakeLinks {
  const links = new Map<
    string,
    { link: IntakeLink; state: "open" | "busy" | "used" | "replaced" | "exhausted"; until: number }
  >();
  const newest = new Map<string, string>();
  const stateOf = (tokenHash: string, now: number): LinkState => {
    const found = links.get(tokenHash);
    if (found === undefined) return { state: "unknown" };
    const free = found.state === "open" || (found.state === "busy" && found.until <= now);
    if (!free) return { state: found.state, link: found.link } as LinkState;
    return { state: found.link.expiresAt <= now ? "expired" : "open", link: found.link };
  };
  return {
    issue: async (tokenHash, link) => {
      const before = links.get(newest.get(link.rotation) ?? "");
      if (before?.state === "open" || before?.state === "busy") before.state = "replaced";
      links.set(tokenHash, { link, state: "open", until: 0 });
      newest.set(link.rotation, tokenHash);
    },
    newest: async (rotation) => {
      const entry = links.get(newest.get(rotation) ?? "");
      return entry === undefined || entry.state === "replaced" ? null : entry.link;
    },
    look: async (tokenHash, now) => stateOf(tokenHash, now),
    begin: async (tokenHash, now, until) => {
      const found = stateOf(tokenHash, now);
      const entry = links.get(tokenHash);
      if (found.state === "open" && entry !== undefined) Object.assign(entry, { state: "busy", until });
      return found;
    },
    end: async (tokenHash, outcome) => {
      const entry = links.get(tokenHash);
      if (entry?.state !== "busy") return;
      const left = entry.link.attemptsLeft - (outcome === "refused" ? 1 : 0);
      entry.link = { ...entry.link, attemptsLeft: left };
      entry.state = outcome === "used" ? "used" : left <= 0 ? "exhausted" : "open";
    },
    revoke: async (rotation) => {
      const entry = links.get(newest.get(rotation) ?? "");
      if (entry !== undefined && entry.state !== "used") entry.state = "replaced";
    },
  };
}

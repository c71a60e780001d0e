import { describe, expect, it } from "vitest";
import type { IntakeLink, IntakeLinks, LinkState } from "../../src/ports/intake-links.ts";
import { T0 } from "./harness.ts";

const MINUTE = 60_000;
let rotations = 0;

/** A link of a rotation of its own. */
export const aLink = (more: Partial<IntakeLink> = {}): IntakeLink => ({
  rotation: `rot_${++rotations}`,
  person: { name: "slack:U0BEN", via: "slack", identities: ["slack:U0BEN", "mail:ben@example.com"] },
  issuedBy: "slack:U0ANA",
  issuedAt: T0,
  expiresAt: T0 + 15 * MINUTE,
  attemptsLeft: 5,
  ...more,
});
const aHash = () => `hash-${++rotations}`.padEnd(64, "0");
const stateOf = (found: LinkState) => found.state;
const left = (found: LinkState) => (found.state === "unknown" ? null : found.link.attemptsLeft);

/** What every keeper of one-time links does. @param open two handles on the same links, as two processes have */
export function intakeLinksContract(name: string, open: () => readonly [IntakeLinks, IntakeLinks]): void {
  describe(`one-time links: ${name}`, () => {
    const issued = async (more: Partial<IntakeLink> = {}) => {
      const [links, others] = open();
      const [hash, link] = [aHash(), aLink(more)];
      await links.issue(hash, link);
      return { links, others, hash, link };
    };

    it("an issued link is open, and looking at it returns what was issued and changes nothing", async () => {
      const { others, hash, link } = await issued();
      for (let i = 0; i < 3; i++) expect(await others.look(hash, T0 + i)).toEqual({ state: "open", link });
    });

    it("the newest link of a rotation is told, used up or not, until it is revoked", async () => {
      const { links, others, hash, link } = await issued();
      expect(await others.newest(link.rotation)).toEqual(link);
      expect(await others.newest("rot_unknown")).toBeNull();
      await links.begin(hash, T0, T0 + MINUTE);
      await links.end(hash, "refused");
      expect(await others.newest(link.rotation)).toEqual({ ...link, attemptsLeft: 4 });
      const next = aLink({ rotation: link.rotation, issuedBy: "slack:U0EVE" });
      await links.issue(aHash(), next);
      expect(await others.newest(link.rotation)).toEqual(next);
      await links.revoke(link.rotation);
      expect(await others.newest(link.rotation)).toBeNull();
    });

    it("a hash nobody issued is unknown, also to a taker and an ender", async () => {
      const [links] = open();
      const hash = aHash();
      expect(await links.look(hash, T0)).toEqual({ state: "unknown" });
      expect(await links.begin(hash, T0, T0 + MINUTE)).toEqual({ state: "unknown" });
      await links.end(hash, "used");
      expect(await links.look(hash, T0)).toEqual({ state: "unknown" });
    });

    it("P6: of twenty takers in two processes one gets it, the others are told that it is busy", async () => {
      const { links, others, hash } = await issued();
      const takers = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? links : others));
      const found = await Promise.all(takers.map((each) => each.begin(hash, T0, T0 + MINUTE)));
      expect(found.map(stateOf).toSorted()).toEqual([...Array.from({ length: 19 }, () => "busy"), "open"]);
    });

    it.each<{ outcome: "used" | "refused" | "released"; becomes: LinkState["state"]; attempts: number }>([
      { outcome: "used", becomes: "used", attempts: 5 },
      { outcome: "refused", becomes: "open", attempts: 4 },
      { outcome: "released", becomes: "open", attempts: 5 },
    ])(
      "a taken link that ended as $outcome is $becomes, with $attempts attempts",
      async ({ outcome, becomes, attempts }) => {
        const { links, others, hash } = await issued();
        await links.begin(hash, T0, T0 + MINUTE);
        await links.end(hash, outcome);
        const found = await others.look(hash, T0);
        expect([found.state, left(found)]).toEqual([becomes, attempts]);
      },
    );

    it("after the last attempt it is exhausted, and cannot be taken", async () => {
      const { links, hash } = await issued({ attemptsLeft: 2 });
      for (let i = 0; i < 2; i++) {
        expect(stateOf(await links.begin(hash, T0, T0 + MINUTE))).toBe("open");
        await links.end(hash, "refused");
      }
      expect(stateOf(await links.begin(hash, T0, T0 + MINUTE))).toBe("exhausted");
    });

    it("only a taken link can be ended", async () => {
      const { links, hash } = await issued();
      await links.end(hash, "used");
      await links.end(hash, "refused");
      const found = await links.look(hash, T0);
      expect([found.state, left(found)]).toEqual(["open", 5]);
    });

    it("a taker that died gives it back when its time is over, not before", async () => {
      const { links, others, hash } = await issued();
      await links.begin(hash, T0, T0 + MINUTE);
      expect(stateOf(await others.begin(hash, T0 + MINUTE - 1, T0 + 2 * MINUTE))).toBe("busy");
      expect(stateOf(await others.look(hash, T0 + MINUTE))).toBe("open");
      expect(stateOf(await others.begin(hash, T0 + MINUTE, T0 + 2 * MINUTE))).toBe("open");
    });

    it("a link expires at its instant, and cannot be taken then", async () => {
      const { links, hash, link } = await issued();
      expect(stateOf(await links.look(hash, link.expiresAt - 1))).toBe("open");
      expect(stateOf(await links.begin(hash, link.expiresAt, link.expiresAt + MINUTE))).toBe("expired");
      expect(stateOf(await links.look(hash, link.expiresAt))).toBe("expired");
    });

    it("a used link stays used after its time", async () => {
      const { links, hash, link } = await issued();
      await links.begin(hash, T0, T0 + MINUTE);
      await links.end(hash, "used");
      expect(stateOf(await links.look(hash, link.expiresAt + MINUTE))).toBe("used");
    });

    it("issuing again for a rotation replaces its link, and leaves other rotations' alone", async () => {
      const first = await issued();
      const other = await issued();
      const second = await issued({ rotation: first.link.rotation });
      expect(stateOf(await first.links.begin(first.hash, T0, T0 + MINUTE))).toBe("replaced");
      expect(stateOf(await second.links.look(second.hash, T0))).toBe("open");
      expect(stateOf(await other.links.look(other.hash, T0))).toBe("open");
    });

    it("a link that is replaced while taken does not come back when the submission is refused", async () => {
      const first = await issued();
      await first.links.begin(first.hash, T0, T0 + MINUTE);
      const second = await issued({ rotation: first.link.rotation });
      await first.links.end(first.hash, "refused");
      expect(stateOf(await first.links.look(first.hash, T0))).toBe("replaced");
      expect(stateOf(await second.links.look(second.hash, T0))).toBe("open");
    });

    it("a revoked link is replaced, taken or not; a used one stays used; revoking again or nothing is no error", async () => {
      const [open_, taken, used] = [await issued(), await issued(), await issued()];
      await taken.links.begin(taken.hash, T0, T0 + MINUTE);
      await used.links.begin(used.hash, T0, T0 + MINUTE);
      await used.links.end(used.hash, "used");
      for (const { links, link } of [open_, taken, used, open_]) await links.revoke(link.rotation);
      await taken.links.end(taken.hash, "released");
      await open_.links.revoke("rot_nobody");
      const states = await Promise.all([open_, taken, used].map(({ links, hash }) => links.look(hash, T0)));
      expect(states.map(stateOf)).toEqual(["replaced", "replaced", "used"]);
    });
  });
}

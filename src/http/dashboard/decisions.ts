import { type Decider, authorizeOn } from "../../app/decisions.ts";
import type { Deps } from "../../app/deps.ts";
import { issueLink } from "../../app/intake/links.ts";
import { revoke } from "../../app/revoke.ts";
import { rotate } from "../../app/rotate.ts";
import { identitiesOf } from "../../ports/settings.ts";
import { asKeyturnError } from "../../rotation/errors.ts";
import type { Route } from "../server.ts";
import type { SignedIn } from "../sign-in/session.ts";
import { ACTIONS, holdOn, unholdOn } from "./actions.ts";
import { type DashboardOptions, acted, decided, deciderOf } from "./context.ts";
import { pathOf } from "./controls.ts";
import { targetPath } from "./targets.ts";

/** What the forms of the pages are sent to. Every one of them ends on a page that says how it went. */
export function decisionRoutes(options: DashboardOptions): Route[] {
  const { deps, pages } = options;

  const onRotation = acted(options, "/rotations/{id}/{action}", async (who, params, fields) => {
    const action = Object.hasOwn(ACTIONS, params["action"] ?? "") ? ACTIONS[params["action"] ?? ""] : undefined;
    const r = action === undefined ? null : await deps.rotations.load(params["id"] ?? "");
    if (action === undefined || r === null)
      return pages.tell(404, "Not found", "There is no such rotation or action, so nothing was done.", who);
    return decided(options, who, pathOf(r.id), () => action.run(deps, r, deciderOf(who), fields));
  });

  const handOver = acted(options, "/rotations/{id}/hand-over", async (who, { id = "" }) => {
    try {
      return pages.go(await linkFor(deps, who, id));
    } catch (thrown) {
      const error = asKeyturnError(thrown);
      return decided(options, who, pathOf(id), () => Promise.reject(error));
    }
  });

  const onTarget = acted(options, "/targets/{name}/{action}", async (who, { name = "", action = "" }) => {
    const run = Object.hasOwn(ON_TARGET, action) ? ON_TARGET[action] : undefined;
    if (run === undefined) return pages.tell(404, "Not found", "There is no such action, so nothing was done.", who);
    return decided(options, who, targetPath(name), () => run(deps, name, deciderOf(who)));
  });

  return [onRotation, handOver, onTarget];
}

const ON_TARGET: Record<string, (deps: Deps, name: string, by: Decider) => Promise<string>> = {
  hold: holdOn,
  unhold: unholdOn,
  rotate: async (deps, name, by) => {
    await authorizeOn(deps, name, by);
    const r = await rotate(deps, name, by.actor, null);
    return r.state === "awaiting_approval" ? "Proposed: its plan waits for approval." : "A rotation is open.";
  },
  revoke: async (deps, name, by) => (await revoke(deps, name, by, { unmanaged: false })).message,
};

/** The signed-in person's own one-time link: no detour over a message. Its token is in the fragment, which no log has. */
async function linkFor(deps: Deps, who: SignedIn, id: string): Promise<string> {
  const { actor } = who;
  await authorizeOn(deps, id, deciderOf(who));
  const via = actor.via === "oidc" ? "oidc" : "api";
  const person = { name: actor.name, via, identities: identitiesOf(actor) } as const;
  return (await issueLink(deps, id, person, actor.name)).url;
}

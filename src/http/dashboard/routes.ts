import { evidenceOf } from "../../app/evidence-of.ts";
import { history, overview, targetOverview } from "../../app/overview.ts";
import { resolveTarget } from "../../app/plans.ts";
import { holdsOn, subjectsOf } from "../../app/holds.ts";
import { asKeyturnError } from "../../rotation/errors.ts";
import type { Rotation } from "../../rotation/record.ts";
import type { Answer, Route } from "../server.ts";
import { queryOf } from "../sign-in/routes.ts";
import type { SignedIn } from "../sign-in/session.ts";
import { ACTIONS } from "./actions.ts";
import { type DashboardOptions, deciderOf, mayDecide, shown } from "./context.ts";
import { adviceFor, controls, pathOf } from "./controls.ts";
import { decisionRoutes } from "./decisions.ts";
import { evidencePage, listPage, revokePage, targetPage } from "./other-pages.ts";
import { overviewPage } from "./overview-page.ts";
import { fileRoutes } from "./page.ts";
import { rotationPage } from "./rotation-page.ts";
import { targetPath } from "./targets.ts";

const PAGE_SIZE = 50;
const EVIDENCE = 200;

/** The dashboard: what there is, and what the signed-in person may do about it. */
export function dashboardRoutes(options: DashboardOptions): Route[] {
  const { deps, keeper, pages, fires, scanner, publicUrl } = options;

  const missing = (who: SignedIn, what: string): Answer =>
    pages.tell(404, "Not found", `There is no such ${what}. It may be from before a loss of Redis, or misspelt.`, who);

  const withRotation =
    (show: (who: SignedIn, r: Rotation) => Promise<Answer>) =>
    async (who: SignedIn, params: Readonly<Record<string, string>>): Promise<Answer> => {
      const r = await deps.rotations.load(params["id"] ?? "");
      return r === null ? missing(who, "rotation") : show(who, r);
    };

  const first = shown(options, "/", async (who, _params, request) => {
    const asked = deps.clock.now();
    await deps.rotations.serverTime();
    const now = deps.clock.now();
    const health = {
      nextScan: fires.next(now),
      previousScan: fires.previous(now),
      scanner,
      redisMs: Math.max(1, now - asked),
    };
    const body = overviewPage(await overview(deps), health, queryOf(request).get("all") === "1");
    return pages.show(200, { title: "Overview", who, word: await keeper.hear(who), here: "overview" }, body);
  });

  const list = shown(options, "/rotations", async (who, _params, request) => {
    const page = Math.min(10_000, Math.max(0, Math.trunc(Number(queryOf(request).get("page")) || 0)));
    const found = await history(deps, { page, size: PAGE_SIZE });
    const body = listPage({ ...found, page, now: deps.clock.now() });
    return pages.show(200, { title: "All rotations", who, here: "rotations" }, body);
  });

  const one = shown(
    options,
    "/rotations/{id}",
    withRotation(async (who, r) => {
      const [holds, held, may, word] = await Promise.all([
        holdsOn(deps, subjectsOf(r)),
        deps.holds.list(),
        mayDecide(deps, who),
        keeper.hear(who),
      ]);
      const situation = { r, by: deciderOf(who), held: new Set(Object.keys(held)), settings: deps.settings };
      const forms = controls(situation, who, may, deps.settings.publicUrl !== null);
      const body = rotationPage({
        r,
        holds,
        now: deps.clock.now(),
        controls: forms,
        advice: adviceFor(situation, may),
      });
      return pages.show(200, { title: r.target ?? r.outgoing.name, who, word }, body);
    }),
  );

  const evidence = shown(
    options,
    "/rotations/{id}/evidence",
    withRotation(async (who, r) => {
      try {
        const body = evidencePage(r, await evidenceOf(deps, r.id, EVIDENCE));
        return pages.show(200, { title: "Evidence", who }, body);
      } catch (error) {
        if (asKeyturnError(error).code !== "SINK_UNAVAILABLE") throw error;
        const text =
          "The audit log is in no file that this process can read. Collect its log lines into one and run: keyturn audit verify --from <file>";
        return pages.tell(404, "No audit file", text, who, { to: pathOf(r.id), text: "Back to the rotation" });
      }
    }),
  );

  const revokeRotation = shown(
    options,
    "/rotations/{id}/revoke",
    withRotation(async (who, r) => {
      if (
        ACTIONS["revoke"]?.offered({ r, by: deciderOf(who), held: new Set(), settings: deps.settings }) !== true ||
        !(await mayDecide(deps, who))
      )
        return pages.go(pathOf(r.id));
      const path = pathOf(r.id);
      const what = { path, name: r.target ?? r.id, key: r.outgoing.name, targets: r.plan.targets, rotation: r };
      return pages.show(200, { title: "Revoke", who }, revokePage({ what, who }));
    }),
  );

  const target = shown(options, "/targets/{name}", async (who, { name = "" }) => {
    const found = await targetOverview(deps, name);
    if (found === null) return missing(who, "target");
    const destinations = resolveTarget(deps.settings, name)?.destinations ?? [];
    const word = await keeper.hear(who);
    const body = targetPage({ ...found, destinations, who, mayDecide: await mayDecide(deps, who) });
    return pages.show(200, { title: name, who, word }, body);
  });

  const revokeTarget = shown(options, "/targets/{name}/revoke", async (who, { name = "" }) => {
    const found = await targetOverview(deps, name);
    if (found === null) return missing(who, "target");
    if (!(await mayDecide(deps, who))) return pages.go(targetPath(name));
    const { line } = found;
    const key = line.rotation?.outgoing.name ?? line.keyName ?? `the key of ${name}`;
    const what = { path: targetPath(name), name, key, targets: [name], rotation: line.rotation };
    return pages.show(200, { title: "Revoke", who }, revokePage({ what, who }));
  });

  return [
    ...fileRoutes(publicUrl),
    first,
    list,
    one,
    evidence,
    revokeRotation,
    target,
    revokeTarget,
    ...decisionRoutes(options),
  ];
}

/** What stands in the dashboard's place while it is off: a sentence that says how to turn it on. */
export function offRoutes(): Route[] {
  const text =
    "The dashboard is off: nobody could sign in. Set signIn.oidc or signIn.token in the configuration (docs/dashboard.md).\n";
  return ["/", "/sign-in", "/rotations", "/rotations/{id}", "/targets/{name}"].map((path) => ({
    method: "GET",
    path,
    handle: () => Promise.resolve({ status: 404, body: text }),
  }));
}

import type { z } from "zod";
import { approve } from "../../app/approve.ts";
import { type Decider, cancel, reject, retry, snooze } from "../../app/decisions.ts";
import type { Deps } from "../../app/deps.ts";
import { present } from "../../app/find.ts";
import { hold, unhold } from "../../app/hold.ts";
import { reinstate } from "../../app/reinstate.ts";
import { revoke } from "../../app/revoke.ts";
import { rotate } from "../../app/rotate.ts";
import { rotationsPage } from "../../app/rotations-page.ts";
import { KeyturnError } from "../../rotation/errors.ts";
import type { Rotation } from "../../rotation/record.ts";
import type { Scope } from "../api-tokens.ts";
import { cursorOf, readCursor } from "./cursor.ts";
import * as s from "./schemas.ts";

/** One row of the API: its handler and its part of the document come from here. */
export interface Operation {
  id: string;
  method: "GET" | "POST";
  /** Under /api/v1. */
  path: string;
  scope: Scope;
  summary: string;
  params: z.ZodObject;
  query: z.ZodObject;
  /** null: it reads none. */
  body: z.ZodObject | null;
  status: 200 | 201;
  answer: s.ComponentName;
  /** @throws ZodError never: what is given was parsed with the schemas above */
  run(deps: Deps, input: Input, by: Decider): Promise<object>;
}

export interface Input {
  params: Record<string, unknown>;
  query: Record<string, unknown>;
  body: Record<string, unknown>;
}

type Typed<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodObject, A extends s.ComponentName> = Omit<
  Operation,
  "params" | "query" | "body" | "answer" | "run"
> & {
  params: P;
  query: Q;
  body: B | null;
  answer: A;
  run(
    deps: Deps,
    input: { params: z.output<P>; query: z.output<Q>; body: z.output<B> },
    by: Decider,
  ): Promise<z.input<(typeof s.COMPONENTS)[A]>>;
};

/** The schemas of a row give its handler's types; whoever calls `run` has parsed with the very same. */
const operation = <P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodObject, A extends s.ComponentName>(
  row: Typed<P, Q, B, A>,
): Operation => row as unknown as Operation;

const noParams = s.noQuery;

async function loaded(deps: Deps, id: string): Promise<Rotation> {
  const found = await deps.rotations.load(id);
  if (found === null)
    throw new KeyturnError("NOT_FOUND", `No rotation ${id}.`, { next: "GET /api/v1/rotations?all=true" });
  return found;
}

/** A decision on one rotation; answers with the rotation after it. */
const decision = <B extends z.ZodObject>(
  name: string,
  scope: Scope,
  summary: string,
  body: B,
  act: (deps: Deps, id: string, body: z.output<B>, by: Decider) => Promise<Rotation>,
): Operation =>
  operation({
    id: `${name}Rotation`,
    method: "POST",
    path: `/rotations/{id}/${name}`,
    scope,
    summary,
    params: s.rotationParams,
    query: s.noQuery,
    body,
    status: 200,
    answer: "Rotation",
    run: async (deps, { params, body: given }, by) => present(deps, await act(deps, params.id, given, by)),
  });

/** Every operation, in the order of the document. */
export const OPERATIONS: readonly Operation[] = [
  operation({
    id: "listRotations",
    method: "GET",
    path: "/rotations",
    scope: "read",
    summary: "Open rotations, or all, newest first",
    params: noParams,
    query: s.listQuery,
    body: null,
    status: 200,
    answer: "RotationPage",
    run: async (deps, { query }) => {
      const after = query.cursor === undefined ? null : readCursor(query.cursor);
      const found = await rotationsPage(deps, {
        all: query.all,
        state: query.state ?? null,
        target: query.target ?? null,
        limit: query.limit,
        after,
      });
      const last = found.rotations.at(-1);
      return {
        schema: 1,
        rotations: await Promise.all(found.rotations.map((r) => present(deps, r))),
        next: found.more && last !== undefined ? cursorOf(last) : null,
      };
    },
  }),
  operation({
    id: "showRotation",
    method: "GET",
    path: "/rotations/{id}",
    scope: "read",
    summary: "One rotation with its history",
    params: s.rotationParams,
    query: s.noQuery,
    body: null,
    status: 200,
    answer: "Rotation",
    run: async (deps, { params }) => present(deps, await loaded(deps, params.id)),
  }),
  decision("approve", "decide", "Approve the plan as it is shown", s.approveBody, (deps, id, body, by) =>
    approve(deps, id, by, body.planHash ?? null),
  ),
  decision("reject", "decide", "Decline; not proposed again for 7 days", s.reasonBody, (deps, id, body, by) =>
    reject(deps, id, by, body.reason ?? null),
  ),
  decision("snooze", "decide", "Put the proposal off, at most 30 days", s.snoozeBody, async (deps, id, body, by) => {
    const until = Date.parse(body.until);
    const now = await loaded(deps, id);
    // Sent again after a lost answer.
    if (now.state === "snoozed" && now.notBefore === until) return now;
    return snooze(deps, id, by, until);
  }),
  decision("cancel", "decide", "Stop and put the old value back", s.reasonBody, (deps, id, body, by) =>
    cancel(deps, id, by, body.reason ?? null),
  ),
  decision(
    "retry",
    "decide",
    "Look again now, after the cause of an attention was removed",
    s.noBody,
    (deps, id, _body, by) => retry(deps, id, by),
  ),
  decision("reinstate", "emergency", "Make the outgoing key active again", s.noBody, (deps, id, _body, by) =>
    reinstate(deps, id, by),
  ),
  operation({
    id: "rotateTarget",
    method: "POST",
    path: "/targets/{name}/rotate",
    scope: "decide",
    summary: "Open a rotation now; 409 names the one that is open already",
    params: s.targetParams,
    query: s.noQuery,
    body: s.reasonBody,
    status: 201,
    answer: "Rotation",
    run: async (deps, { params, body }, by) => {
      const opened = await rotate(deps, params.name, by.actor, body.reason ?? null);
      return present(deps, await loaded(deps, opened.id));
    },
  }),
  operation({
    id: "setHold",
    method: "POST",
    path: "/holds",
    scope: "emergency",
    summary: "Nothing destructive happens to a target or a key until the hold is lifted",
    params: noParams,
    query: s.noQuery,
    body: s.holdBody,
    status: 200,
    answer: "Hold",
    run: async (deps, { body }, by) => ({ schema: 1, ...(await hold(deps, body.subject, by)) }),
  }),
  operation({
    id: "liftHold",
    method: "POST",
    path: "/holds/{subject}/lift",
    scope: "emergency",
    summary: "Lift a hold; one in the configuration stays (409)",
    params: s.subjectParams,
    query: s.noQuery,
    body: s.noBody,
    status: 200,
    answer: "Hold",
    run: async (deps, { params }, by) => ({ schema: 1, ...(await unhold(deps, params.subject, by)) }),
  }),
  operation({
    id: "revoke",
    method: "POST",
    path: "/revocations",
    scope: "emergency",
    summary: "Deactivate a compromised key now; a replacement is asked for after",
    params: noParams,
    query: s.noQuery,
    body: s.revokeBody,
    status: 200,
    answer: "Revocation",
    run: async (deps, { body }, by) => {
      const done = await revoke(deps, body.subject, by, { unmanaged: body.unmanaged });
      return { schema: 1, message: done.message, rotation: await present(deps, done.rotation) };
    },
  }),
];

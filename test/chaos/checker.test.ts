import { describe, expect, it } from "vitest";
import { violationsIn } from "./check/check.ts";
import type { Deed, Evidence, Request, StoreState } from "./check/evidence.ts";

/*
 * The checker is only worth what it rejects: a whole, honest rotation of one target with two destinations passes, and
 * each way of doctoring it is found under the promise that it breaks.
 */

const T = Date.UTC(2026, 0, 1);
const S = 1000;
const GRACE_MS = 8 * S;
const TARGET = "app";
const ROTATION = "rot_1";
const [OLD, NEW, OTHER] = ["apikey_old", "apikey_new", "apikey_other"] as const;
const digest = (key: string): string => `digest of ${key}`;

const state = (at: number, secret: string, key: string, more: Partial<StoreState> = {}): StoreState => ({
  at: T + at * S,
  store: "aws",
  secret,
  current: { KEY: digest(key) },
  rest: "neighbour",
  pending: [],
  ...more,
});
const request = (at: number, facts: Partial<Request>): Request => ({
  seq: at,
  at: T + at * S,
  method: "GET",
  path: "/v1/models",
  query: "limit=1",
  bodyStatus: null,
  keyId: NEW,
  status: 200,
  outcome: "answered",
  applied: true,
  ...facts,
});
const call = (at: number, bodyStatus: string, key: string = OLD): Request =>
  request(at, { method: "POST", path: `/v1/organizations/api_keys/${key}`, bodyStatus, keyId: "apikey_admin" });
const deed = (kind: Deed["kind"], at: number, more: object = {}): Deed =>
  ({ kind, from: T + at * S - 100, at: T + at * S, target: TARGET, rotation: ROTATION, key: NEW, ...more }) as Deed;

/** Opened at 1 s, approved at 2, accepted at 5, promoted at 10 and 11, deactivated at 20, archived at 30. */
function honest(): Evidence {
  return {
    destinations: ["a", "b"].map((secret) => ({ target: TARGET, store: "aws", secret, field: "KEY" })),
    keyByDigest: Object.fromEntries([OLD, NEW, OTHER].map((key) => [digest(key), key])),
    histories: {
      [OLD]: [
        { status: "active", at: T - 9000 * S, by: "seed" },
        { status: "inactive", at: T + 20 * S, by: "apikey_admin" },
        { status: "archived", at: T + 30 * S, by: "apikey_admin" },
      ],
      [NEW]: [{ status: "active", at: T + 4 * S, by: "console" }],
      [OTHER]: [{ status: "active", at: T - 9000 * S, by: "seed" }],
    },
    requests: [request(19, {}), call(20, "inactive"), request(29, {}), call(30, "archived")],
    stores: [
      state(0, "a", OLD),
      state(0, "b", OLD),
      state(5, "a", OLD, { at: T + 5 * S - 50, pending: [digest(NEW)] }),
      state(6, "b", OLD, { pending: [digest(NEW)] }),
      state(10, "a", NEW),
      state(11, "b", NEW),
    ],
    applications: [],
    people: [deed("opened", 1), deed("approved", 2), deed("accepted", 5), deed("ended", 31, { state: "completed" })],
    audit: [
      { at: T + 20 * S - 5, action: "deactivate.intended", rotation: ROTATION, keyId: OLD },
      { at: T + 30 * S - 5, action: "archive.intended", rotation: ROTATION, keyId: OLD },
    ],
    bystanders: [OTHER],
    graceMs: GRACE_MS,
    disturbances: [],
  };
}

const promisesBroken = (evidence: Evidence): string[] => [
  ...new Set(violationsIn(evidence).map(({ promise }) => promise)),
];
const history = (e: Evidence, key: string) => e.histories[key] ?? [];
const withHistory = (e: Evidence, key: string, changes: Evidence["histories"][string]): Evidence => ({
  ...e,
  histories: { ...e.histories, [key]: changes },
});
const moved = (e: Evidence, status: string, at: number): Evidence =>
  withHistory(
    e,
    OLD,
    history(e, OLD).map((change) => (change.status === status ? { ...change, at: T + at * S } : change)),
  );
const refusedAt = (at: number, key: string) => ({
  at: T + at * S,
  target: TARGET,
  destination: 0,
  digest: digest(key),
  status: 401,
  stillCurrent: true,
});

describe("the checker", () => {
  it("finds nothing in an honest rotation", () => {
    expect(violationsIn(honest())).toEqual([]);
  });

  it.each<{ doctored: string; evidence: (e: Evidence) => Evidence; promise: string }>([
    {
      doctored: "a destination still held the key when it was deactivated",
      evidence: (e) => ({ ...e, stores: e.stores.map((s) => (s.at === T + 11 * S ? { ...s, at: T + 21 * S } : s)) }),
      promise: "P1",
    },
    {
      doctored: "the last live call with the replacement was older than five minutes",
      evidence: (e) => ({ ...e, requests: e.requests.map((r) => (r.seq === 19 ? { ...r, at: r.at - 301 * S } : r)) }),
      promise: "P1",
    },
    {
      doctored: "only the application itself had called with the replacement",
      evidence: (e) => ({ ...e, requests: e.requests.map((r) => ({ ...r, query: "application=1" })) }),
      promise: "P1",
    },
    {
      doctored: "an application's current value was refused",
      evidence: (e) => ({ ...e, applications: [refusedAt(15, NEW)] }),
      promise: "P1",
    },
    {
      doctored: "a key was answered as accepted and was in no place",
      evidence: (e) => ({ ...e, stores: e.stores.map((s) => (s.at < T + 9 * S ? { ...s, pending: [] } : s)) }),
      promise: "P2",
    },
    {
      doctored: "an accepted key vanished and nobody had stopped the rotation",
      evidence: (e) => ({
        ...e,
        stores: e.stores.filter((s) => s.at < T + 9 * S).concat(state(9, "a", OLD), state(9, "b", OLD)),
      }),
      promise: "P2",
    },
    {
      doctored: "archived before the grace period was over",
      evidence: (e) => moved(e, "archived", 27),
      promise: "P4",
    },
    {
      doctored: "archived while active",
      evidence: (e) =>
        withHistory(e, OLD, history(e, OLD).toSpliced(2, 0, { status: "active", at: T + 25 * S, by: "console" })),
      promise: "P4",
    },
    {
      doctored: "deactivated before anybody approved",
      evidence: (e) => ({ ...e, people: e.people.filter(({ kind }) => kind !== "approved") }),
      promise: "P5",
    },
    {
      doctored: "a key of nobody here was deactivated",
      evidence: (e) =>
        withHistory(e, OTHER, [...history(e, OTHER), { status: "inactive", at: T + 12 * S, by: "apikey_admin" }]),
      promise: "P5",
    },
    {
      doctored: "archived under a hold",
      evidence: (e) => ({ ...e, people: [...e.people, deed("held", 21, { subject: TARGET })] }),
      promise: "P5",
    },
    {
      doctored: "a key that nobody handed over became current",
      evidence: (e) => ({ ...e, stores: [...e.stores, state(12, "a", OTHER)] }),
      promise: "P6",
    },
    {
      doctored: "the old value came back without a reason",
      evidence: (e) => ({ ...e, stores: [...e.stores, state(12, "a", OLD), state(13, "a", NEW)] }),
      promise: "P6",
    },
    {
      doctored: "another key went to one destination between the replacement's first and last",
      evidence: (e) => ({
        ...e,
        stores: [...e.stores, state(10.5, "a", OTHER), state(12, "a", NEW)],
        people: [...e.people, deed("accepted", 9, { rotation: "rot_2", key: OTHER })],
      }),
      promise: "P6",
    },
    {
      doctored: "the same call was made twice for no reason",
      evidence: (e) => ({ ...e, requests: [...e.requests, call(31, "archived")] }),
      promise: "P7",
    },
    {
      doctored: "completed, and a destination never had the replacement",
      evidence: (e) => ({
        ...e,
        stores: e.stores.filter((s) => s.at !== T + 11 * S).concat(state(32, "b", NEW)),
      }),
      promise: "P7",
    },
    {
      doctored: "cancelled, and the replacement stayed",
      evidence: (e) => ({
        ...e,
        people: [...e.people.slice(0, 3), deed("cancelled", 12), deed("ended", 13, { state: "rolled_back" })],
      }),
      promise: "P7",
    },
    {
      doctored: "what others keep in the secret was changed",
      evidence: (e) => ({ ...e, stores: e.stores.map((s) => (s.at === T + 11 * S ? { ...s, rest: "gone" } : s)) }),
      promise: "P9",
    },
    {
      doctored: "deactivated, and the audit entry came after",
      evidence: (e) => ({ ...e, audit: e.audit.map((line) => ({ ...line, at: line.at + 10 * S })) }),
      promise: "P11",
    },
  ])("$promise: $doctored", ({ evidence, promise }) => {
    expect(promisesBroken(evidence(honest()))).toContain(promise);
  });

  it.each<{ excuse: string; evidence: (e: Evidence) => Evidence }>([
    {
      excuse: "a revoked key may be deactivated while it is in use, and its application is refused",
      evidence: (e) => ({
        ...moved(e, "inactive", 3),
        people: [deed("opened", 1), deed("revoked", 2, { key: OLD }), ...e.people.slice(2)],
        audit: e.audit.map((line) => ({ ...line, at: line.action.startsWith("deactivate") ? T + 3 * S : line.at })),
        applications: [refusedAt(4, OLD)],
        requests: [call(3, "inactive"), request(29, {}), call(30, "archived")],
      }),
    },
    {
      excuse: "a cancelled rotation puts the old value back",
      evidence: (e) => ({
        ...withHistory(e, OLD, history(e, OLD).slice(0, 1)),
        stores: [...e.stores, state(13, "a", OLD), state(14, "b", OLD)],
        requests: [],
        people: [...e.people.slice(0, 3), deed("cancelled", 12), deed("ended", 15, { state: "rolled_back" })],
      }),
    },
    {
      excuse: "a call is repeated after an answer that was lost",
      evidence: (e) => ({
        ...e,
        requests: [...e.requests.map((r) => (r.seq === 30 ? { ...r, outcome: "dropped" } : r)), call(31, "archived")],
      }),
    },
    {
      excuse: "a deactivation under a hold that was undone at once",
      evidence: (e) => ({
        ...withHistory(e, OLD, [
          ...history(e, OLD).slice(0, 2),
          { status: "active", at: T + 21 * S, by: "apikey_admin" },
        ]),
        requests: e.requests.slice(0, 2),
        people: [...e.people.slice(0, 3), deed("held", 19, { subject: TARGET })],
      }),
    },
  ])("accepts that $excuse", ({ evidence }) => {
    expect(violationsIn(evidence(honest()))).toEqual([]);
  });
});

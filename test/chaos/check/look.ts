import type { Deed, DestinationFacts, Evidence, Request, StatusChange, StoreState } from "./evidence.ts";

/** The most recent proof of a replacement may be this old (P1, R8), in milliseconds. */
export const PROOF_MS = 5 * 60_000;
/** What an application's own calls carry in their query, so that they prove nothing for Keyturn. */
export const APPLICATION_QUERY = "application=1";

export interface Change extends StatusChange {
  key: string;
  /** The status before. */
  before: string;
}

/** Questions that several checks ask of the evidence. */
export interface Look extends Evidence {
  /** The key that a destination held at that moment; null: none that is known. */
  holding(dest: DestinationFacts, at: number): string | null;
  destinationsOf(target: string): readonly DestinationFacts[];
  /** Targets of which a destination held the key by then. */
  targetsOf(key: string, until: number): string[];
  /** States of a destination's secret, oldest first. */
  statesOf(dest: DestinationFacts): readonly StoreState[];
  /** Status changes that were made through the Admin API, in order of time. */
  ourChanges: readonly Change[];
  /** A live call of Keyturn's with this key succeeded then. */
  provenBetween(key: string, from: number, to: number): boolean;
  deeds<K extends Deed["kind"]>(...kinds: K[]): Extract<Deed, { kind: K }>[];
  keyIn(digest: string | undefined): string | null;
}

const secretOf = ({ store, secret }: { store: string; secret: string }): string => `${store}/${secret}`;
const isLive = (r: Request): boolean =>
  r.status === 200 &&
  (r.path === "/v1/models" || r.path === "/v1/messages") &&
  !r.query.includes(APPLICATION_QUERY) &&
  r.keyId !== null;

export function lookAt(evidence: Evidence): Look {
  const bySecret = Map.groupBy(
    evidence.stores.toSorted((a, b) => a.at - b.at),
    secretOf,
  );
  const byTarget = Map.groupBy(evidence.destinations, ({ target }) => target);
  const live = Map.groupBy(evidence.requests.filter(isLive), ({ keyId }) => keyId ?? "");
  const keyIn = (digest: string | undefined): string | null =>
    digest === undefined ? null : (evidence.keyByDigest[digest] ?? null);
  const statesOf = (dest: DestinationFacts): readonly StoreState[] => bySecret.get(secretOf(dest)) ?? [];
  const look: Look = {
    ...evidence,
    keyIn,
    statesOf,
    holding: (dest, at) => keyIn(statesOf(dest).findLast((state) => state.at <= at)?.current[dest.field ?? ""]),
    destinationsOf: (target) => byTarget.get(target) ?? [],
    targetsOf: (key, until) =>
      [...byTarget]
        .filter(([, dests]) =>
          dests.some((dest) =>
            statesOf(dest).some((state) => state.at <= until && keyIn(state.current[dest.field ?? ""]) === key),
          ),
        )
        .map(([target]) => target),
    ourChanges: Object.entries(evidence.histories)
      .flatMap(([key, changes]) =>
        changes.map((change, i) => ({ ...change, key, before: changes[i - 1]?.status ?? "" })),
      )
      .filter((change) => change.before !== "" && change.by !== "console")
      .toSorted((a, b) => a.at - b.at),
    provenBetween: (key, from, to) => (live.get(key) ?? []).some((r) => r.at >= from && r.at <= to),
    deeds: <K extends Deed["kind"]>(...kinds: K[]) =>
      evidence.people.filter((deed): deed is Extract<Deed, { kind: K }> => (kinds as string[]).includes(deed.kind)),
  };
  return look;
}

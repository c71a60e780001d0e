import { digestOf, makeId, makeKeyText, shownHint } from "./identifiers.ts";
import type { Entropy } from "./identifiers.ts";
import type { z } from "zod";
import type { CreateKey, SeedBulk, SeedKey } from "./inputs.ts";
import type { Event, KeyRow, Principal, StoredStatus } from "./model.ts";
import type { Organization } from "./organization.ts";
import { ApiRefusal } from "./wire.ts";

const DAY = 86_400_000;

/** A new key as the Console makes it. The text is returned here once and kept nowhere. @throws ApiRefusal 400, 404 */
export function makeKey(
  input: z.output<typeof SeedKey> | z.output<typeof CreateKey>,
  organization: Organization,
  source: Entropy,
): { row: KeyRow; secret: string } {
  const now = organization.now();
  const seed = input as z.output<typeof SeedKey>;
  const createdAt = seed.createdAt === undefined ? now - (seed.ageDays ?? 0) * DAY : Date.parse(seed.createdAt);
  const principal = input.principal ?? null;
  const workspaceId = workspaceOf(input.workspaceId, principal, organization);
  const secret = makeKeyText("api03", source);
  const changes: KeyRow["changes"] = [{ status: "active", at: createdAt, by: "console" }];
  if (seed.status !== undefined && seed.status !== "active")
    changes.push({ status: seed.status, at: createdAt, by: "seed" });
  const row: KeyRow = {
    id: makeId("apikey", source),
    name: input.name,
    digest: digestOf(secret),
    hint: seed.hint === undefined ? shownHint(secret) : seed.hint,
    createdAt,
    createdBy: creatorOf(input.createdBy, organization),
    expiresAt: expiryOf(seed, createdAt),
    principal,
    workspaceId,
    changes,
  };
  return { row, secret };
}

function expiryOf(seed: z.output<typeof SeedKey>, createdAt: number): number | null {
  if (seed.expiresAt !== undefined) return Date.parse(seed.expiresAt);
  return seed.expiresInMs === undefined ? null : createdAt + seed.expiresInMs;
}

function workspaceOf(asked: string | null | undefined, principal: Principal | null, organization: Organization) {
  if (asked === null) {
    if (principal === null) throw new ApiRefusal(400, "workspaceId: only an identity-linked key may have none");
    return null;
  }
  const id = asked ?? organization.self.defaultWorkspaceId;
  const workspace = organization.workspaces.get(id);
  if (workspace === undefined) throw new ApiRefusal(404, "workspaceId: there is no such workspace");
  if (workspace.archivedAt !== null) throw new ApiRefusal(400, "workspaceId: the workspace is archived");
  return id;
}

function creatorOf(asked: string | null | undefined, organization: Organization): Principal | null {
  if (asked === null) return null;
  const id = asked ?? organization.users.keys().next().value;
  return id === undefined ? null : { type: "user", id };
}

/** Many rows at once, in events of modest size so that no journal line grows with the organization. */
export function* bulkKeys(
  input: z.output<typeof SeedBulk>,
  organization: Organization,
  source: Entropy,
): Generator<Event[]> {
  const now = organization.now();
  const createdBy = creatorOf(undefined, organization);
  const workspaceId = workspaceOf(input.workspaceId, null, organization);
  const [youngest, oldest] = input.ageDays;
  let batch: Event[] = [];
  for (let index = 0; index < input.count; index += 1) {
    const secret = makeKeyText("api03", source);
    const createdAt = Math.round(now - DAY * (youngest + ((oldest - youngest) * (index % 1000)) / 1000));
    const status: StoredStatus = input.statuses[index % input.statuses.length] ?? "active";
    const row: KeyRow = {
      id: makeId("apikey", source),
      name: `${input.namePrefix}-${index}`,
      digest: digestOf(secret),
      hint: shownHint(secret),
      createdAt,
      createdBy,
      expiresAt: null,
      principal: null,
      workspaceId,
      changes: [{ status, at: createdAt, by: "seed" }],
    };
    batch.push({ t: "key", row });
    if (batch.length === 1000) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}

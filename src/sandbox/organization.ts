import type { LinesFile } from "./lines-file.ts";
import { DEFAULT_SETTINGS } from "./model.ts";
import type {
  AdminKeyRow,
  Event,
  KeyRow,
  OrganizationRow,
  ServiceAccountRow,
  Settings,
  ShownStatus,
  StoredStatus,
  UserRow,
  WorkspaceRow,
} from "./model.ts";
import { UsageLedger } from "./usage-ledger.ts";

/** The whole state of the simulated service. Changes come in as events only, so that the journal can repeat them. */
export class Organization {
  self: OrganizationRow = { id: "", name: "", defaultWorkspaceId: "" };
  settings: Settings = { ...DEFAULT_SETTINGS };
  /** In the order of their recording; never reordered, so a position is a cursor. */
  readonly keys: KeyRow[] = [];
  readonly users = new Map<string, UserRow>();
  readonly workspaces = new Map<string, WorkspaceRow>();
  readonly serviceAccounts = new Map<string, ServiceAccountRow>();
  readonly adminKeys = new Map<string, AdminKeyRow>();
  readonly usage = new UsageLedger();
  /** How many events there were; only ever grows. */
  events = 0;
  readonly #positions = new Map<string, number>();
  readonly #byDigest = new Map<string, string>();
  readonly #realNow: () => number;
  #journal: LinesFile | null = null;

  constructor(realNow: () => number) {
    this.#realNow = realNow;
  }

  /** One line of the journal is the JSON list of events that one request made: all of them or none. */
  attach(journal: LinesFile): void {
    this.#journal = journal;
  }

  /** Simulated time. */
  now(): number {
    return this.#realNow() + this.settings.clockOffsetMs;
  }

  /** Durable first, then visible: what a client was told is never forgotten. */
  commit(events: readonly Event[]): void {
    if (this.#journal === null) throw new Error("the journal is not attached yet");
    if (events.length > 0) this.#journal.append(JSON.stringify(events));
    for (const event of events) this.apply(event);
  }

  key(id: string): KeyRow | null {
    const position = this.#positions.get(id);
    return position === undefined ? null : (this.keys[position] ?? null);
  }

  positionOf(id: string): number | null {
    return this.#positions.get(id) ?? null;
  }

  keyByDigest(digest: string): KeyRow | null {
    const id = this.#byDigest.get(digest);
    return id === undefined ? null : this.key(id);
  }

  adminKeyByDigest(digest: string): AdminKeyRow | null {
    for (const row of this.adminKeys.values()) if (row.digest === digest) return row;
    return null;
  }

  /** What the Admin API shows: archived stays archived, otherwise a passed expiry shows as `expired`. */
  statusOf(key: KeyRow): ShownStatus {
    const stored = storedStatus(key);
    if (stored === "archived") return stored;
    return key.expiresAt !== null && key.expiresAt <= this.now() ? "expired" : stored;
  }

  /** What live traffic still sees, given the lags. */
  answersLive(key: KeyRow): boolean {
    const now = this.now();
    if (key.expiresAt !== null && key.expiresAt <= now) return false;
    const first = key.changes[0];
    if (first !== undefined && now - first.at < this.settings.newKeyLagMs) return false;
    let seen: StoredStatus = first?.status ?? "active";
    for (const change of key.changes.slice(1)) if (now - change.at >= this.settings.statusLagMs) seen = change.status;
    return seen === "active";
  }

  activeKeys(workspaceId: string | null): number {
    let count = 0;
    for (const key of this.keys) {
      if ((workspaceId === null || key.workspaceId === workspaceId) && this.statusOf(key) === "active") count += 1;
    }
    return count;
  }

  apply(event: Event): void {
    this.events += 1;
    switch (event.t) {
      case "organization":
        this.self = event.row;
        return;
      case "workspace":
        this.workspaces.set(event.row.id, { ...event.row });
        return;
      case "workspace.archived":
        this.#archiveWhere(event.at, "workspace archived", (key) => key.workspaceId === event.id);
        this.#change(this.workspaces, event.id, { archivedAt: event.at });
        return;
      case "user":
        this.users.set(event.row.id, { ...event.row });
        return;
      case "user.removed":
        // Only personal keys die with their user; workspace keys go on (facts 1.6).
        this.#archiveWhere(event.at, "user removed", (key) => key.principal?.id === event.id);
        this.users.delete(event.id);
        return;
      case "service_account":
        this.serviceAccounts.set(event.row.id, { ...event.row });
        return;
      case "service_account.archived":
        this.#archiveWhere(event.at, "service account archived", (key) => key.principal?.id === event.id);
        this.#change(this.serviceAccounts, event.id, { archivedAt: event.at });
        return;
      case "admin_key":
        this.adminKeys.set(event.row.id, { ...event.row });
        return;
      case "admin_key.active":
        this.#change(this.adminKeys, event.id, { active: event.active });
        return;
      case "key":
        this.#positions.set(event.row.id, this.keys.length);
        this.#byDigest.set(event.row.digest, event.row.id);
        this.keys.push({ ...event.row, changes: [...event.row.changes] });
        return;
      case "key.status":
        this.key(event.id)?.changes.push({ status: event.status, at: event.at, by: event.by });
        return;
      case "key.name": {
        const key = this.key(event.id);
        if (key !== null) key.name = event.name;
        return;
      }
      case "usage":
        this.usage.add(event.row);
        return;
      case "settings":
        this.settings = { ...this.settings, ...event.patch };
        return;
    }
  }

  #change<T extends object>(rows: Map<string, T>, id: string, patch: Partial<T>): void {
    const row = rows.get(id);
    if (row !== undefined) rows.set(id, { ...row, ...patch });
  }

  #archiveWhere(at: number, by: string, matches: (key: KeyRow) => boolean): void {
    for (const key of this.keys) {
      if (matches(key) && storedStatus(key) !== "archived") key.changes.push({ status: "archived", at, by });
    }
  }
}

export const storedStatus = (key: KeyRow): StoredStatus => key.changes.at(-1)?.status ?? "active";

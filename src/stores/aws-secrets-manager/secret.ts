import { KeyturnError } from "../../rotation/errors.ts";
import { type Description, type SecretsApi, show, type Version } from "./api.ts";
import { CURRENT, parsePendingLabel, PENDING, versionToken } from "./names.ts";

/** One look at a secret: its labels, tags and current version. Acting always starts with a fresh one. */
export class SecretView {
  readonly name: string;
  readonly #api: SecretsApi;
  readonly #description: Description;
  readonly current: Version;

  private constructor(api: SecretsApi, name: string, description: Description, current: Version) {
    this.#api = api;
    this.name = name;
    this.#description = description;
    this.current = current;
  }

  /** @returns null when the secret does not exist or has no current version */
  static async find(api: SecretsApi, name: string): Promise<SecretView | null> {
    const description = await api.describe(name);
    if (description === null) return null;
    const current = await api.get(name, { label: CURRENT });
    return current === null ? null : new SecretView(api, name, description, current);
  }

  /**
   * For calls that write. @throws STORE_MISSING; STORE_CONFLICT when somebody else rotates the secret: two rotators
   * would move each other's labels (R12)
   */
  static async forWriting(api: SecretsApi, name: string): Promise<SecretView> {
    const view = await SecretView.find(api, name);
    if (view === null) throw new KeyturnError("STORE_MISSING", `There is no secret ${show(name)}.`);
    if (view.#description.rotatedBy !== null) {
      throw new KeyturnError(
        "STORE_CONFLICT",
        `${show(name)} is already rotated by ${view.#description.rotatedBy}; turn that off first.`,
      );
    }
    return view;
  }

  get tags(): Record<string, string> {
    return this.#description.tags;
  }
  /** Every label with the version it is on. */
  get labels(): { label: string; id: string }[] {
    return [...this.#description.labels].flatMap(([id, labels]) => labels.map((label) => ({ label, id })));
  }
  idOf(label: string): string | null {
    return this.labels.find((one) => one.label === label)?.id ?? null;
  }
  async version(id: string): Promise<Version | null> {
    return id === this.current.id ? this.current : this.#api.get(this.name, { id });
  }

  /**
   * This rotation's pending version, with the base it was merged into. The label says where to look; the id, which is
   * the token, is the proof: a label moved to another version by hand is not believed.
   */
  async staged(rotationId: string): Promise<{ version: Version; base: string; label: string } | null> {
    const found = this.labels.flatMap(({ label, id }) => {
      const parsed = parsePendingLabel(label);
      return parsed?.rotationId === rotationId ? [{ label, id, base: parsed.base }] : [];
    });
    // A crash between two labels can leave an older one; the version that AWSPENDING is on is the newer.
    const pendingId = this.idOf(PENDING);
    for (const { label, id, base } of found.toSorted(
      (a, b) => Number(b.id === pendingId) - Number(a.id === pendingId),
    )) {
      const version = await this.version(id);
      if (version !== null && versionToken("stage", rotationId, this.name, base, version.document) === id)
        return { version, base, label };
    }
    return null;
  }

  /** The version with AWSPENDING when no rotation of ours put it there; a label left on the current version is nobody's. */
  async foreignPending(): Promise<Version | null> {
    const id = this.idOf(PENDING);
    if (id === null || id === this.current.id || this.rotationsOf(id).length > 0) return null;
    return this.version(id);
  }
  /** Rotations whose pending label is on a version. */
  rotationsOf(id: string): string[] {
    return this.labels.flatMap((one) => (one.id === id ? (parsePendingLabel(one.label)?.rotationId ?? []) : []));
  }
}

import type { Deps } from "../../src/app/deps.ts";
import type { Pending, SecretStore, Stores } from "../../src/ports/secret-store.ts";
import { destinationId } from "../../src/rotation/locks.ts";
import type { Destination } from "../../src/rotation/record.ts";
import { fingerprintOf, SecretText } from "../../src/rotation/secret.ts";

interface Slot {
  current: string;
  previous: string | null;
  pending: { value: string; rotationId: string; base: string } | null;
  marks: Record<string, string>;
}

const textOf = (value: SecretText): string => value.use((text) => text);

/**
 * A secrets manager that costs nothing: what is left is our own work. It starts with what the real stores hold for the
 * open rotations.
 */
export async function memoryCopyOf(deps: Deps): Promise<Stores> {
  const slots = new Map<string, Slot>();
  const locks = new Map<string, string>();
  for await (const r of deps.rotations.all())
    for (const dest of r.plan.destinations) locks.set(destinationId(dest), r.id);
  for (const dest of deps.settings.targets.flatMap((each) => each.destinations)) {
    const store = await deps.stores.of(dest);
    const [current, rotationId] = [await store.read(dest), locks.get(destinationId(dest)) ?? ""];
    const pending = await store.readPending(dest, rotationId);
    slots.set(destinationId(dest), {
      current: current === null ? "" : textOf(current.value),
      previous: null,
      pending: pending === null ? null : { value: textOf(pending.value), rotationId, base: pending.baseVersion ?? "" },
      marks: await store.readMarks(dest),
    });
  }
  const store = memoryStore(slots);
  return { of: async () => store, close: async () => undefined };
}

function memoryStore(slots: Map<string, Slot>): SecretStore {
  const slotOf = (dest: Destination): Slot => slots.get(destinationId(dest)) as Slot;
  return {
    type: "memory",
    conditionalWrite: false,
    location: {},
    physicalId: destinationId,
    read: async (dest) => {
      const { current } = slotOf(dest);
      return { value: SecretText.from(current), version: fingerprintOf(current) };
    },
    preflight: async () => undefined,
    stage: async (dest, value, rotationId) => {
      const slot = slotOf(dest);
      const base = fingerprintOf(slot.current);
      slot.pending = { value: textOf(value), rotationId, base };
      return { version: value.fingerprint, baseVersion: base };
    },
    readPending: async (dest): Promise<Pending | null> => {
      const { pending } = slotOf(dest);
      if (pending === null) return null;
      const { value, rotationId, base } = pending;
      const version = fingerprintOf(value);
      return {
        value: SecretText.from(value),
        version,
        rotationId,
        baseVersion: base,
        writtenAt: null,
        onlyOurField: true,
      };
    },
    promote: async (dest) => {
      const slot = slotOf(dest);
      slot.previous = slot.current;
      slot.current = slot.pending?.value ?? slot.current;
      return { version: fingerprintOf(slot.current) };
    },
    rollBack: async () => "nothing_to_restore",
    discardPending: async (dest) => void (slotOf(dest).pending = null),
    discardPrevious: async (dest) => void (slotOf(dest).previous = null),
    listPending: async () => [],
    readMarks: async (dest) => ({ ...slotOf(dest).marks }),
    mark: async (dest, entries) => {
      const { marks } = slotOf(dest);
      for (const [name, value] of Object.entries(entries)) {
        if (value === null) delete marks[name];
        else marks[name] = value;
      }
    },
    close: async () => undefined,
  };
}

import type { Announcing } from "../../../src/app/announce/deliver.ts";
import type { Bulletin, Channel, ChannelMemory } from "../../../src/ports/outbox.ts";
import type { Rotation } from "../../../src/rotation/record.ts";
import { MemoryOutbox } from "../../support/doubles/memory-outbox.ts";
import { aRotation } from "../../support/records.ts";
import { type World, makeWorld } from "../../support/world.ts";

export interface TestChannel extends Channel {
  bulletins: Bulletin[];
  memories: (ChannelMemory | null)[];
  /** Called instead of saying anything. */
  instead: (() => Promise<{ nextAt: number | null }>) | null;
}

/** A channel that says the revision it was given, once. */
export function testChannel(name: string): TestChannel {
  const channel: TestChannel = {
    name,
    bulletins: [],
    memories: [],
    instead: null,
    deliver: async (bulletin, memory, remember) => {
      channel.memories.push(memory);
      if (channel.instead !== null) return channel.instead();
      if (memory?.["revision"] === bulletin.rotation.revision) return { nextAt: null };
      channel.bulletins.push(bulletin);
      await remember({ revision: bulletin.rotation.revision });
      return { nextAt: null };
    },
  };
  return channel;
}

export interface Post {
  world: World;
  outbox: MemoryOutbox;
  channels: TestChannel[];
  announcing: Announcing;
  /** Saves a record as it is, with the revision after the one there. */
  save(more?: Partial<Rotation>): Promise<Rotation>;
  entry(id?: string): Promise<{ id: string; stamp: string }>;
}

export function aPost(names: readonly string[] = ["slack", "webhook:ops"]): Post {
  const world = makeWorld();
  const outbox = new MemoryOutbox();
  const channels = names.map(testChannel);
  const announcing: Announcing = {
    deps: world.deps,
    outbox,
    channels,
    clicksReach: true,
    random: () => 0,
    said: new Map(),
  };
  return {
    world,
    outbox,
    channels,
    announcing,
    save: async (more = {}) => {
      const id = more.id ?? "rot_1";
      const revision = (await world.redis.rotations.load(id))?.revision ?? 0;
      const record = aRotation({ ...more, id, revision: revision + 1 });
      await world.redis.rotations.commit({ record, expectedRevision: revision, locks: [], audit: [] });
      return record;
    },
    entry: async (id = "rot_1") => {
      const found = (await outbox.due(Number.MAX_SAFE_INTEGER, 100)).find((each) => each.id === id);
      if (found === undefined) throw new Error(`${id} is not in the outbox`);
      return found;
    },
  };
}

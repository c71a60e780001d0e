import type { Notebook, SlackMemory } from "./memory.ts";
import { wasNotDone } from "./trouble.ts";

/**
 * Says something that nobody can look up afterwards: it is remembered before, so that a lost answer or a crash never
 * makes it a second one. Forgotten again only when Slack certainly did nothing.
 * @throws what `post` throws; after anything but a refusal or a limit it counts as said
 */
export async function saidOnce<T>(notes: Notebook, change: Partial<SlackMemory>, post: () => Promise<T>): Promise<T> {
  const before = beforeOf(notes.memory, change);
  await notes.note(change);
  try {
    return await post();
  } catch (error) {
    if (wasNotDone(error)) await notes.note(before);
    throw error;
  }
}

const beforeOf = (memory: Readonly<SlackMemory>, change: Partial<SlackMemory>): Partial<SlackMemory> =>
  Object.fromEntries(Object.keys(change).map((name) => [name, memory[name as keyof SlackMemory]]));

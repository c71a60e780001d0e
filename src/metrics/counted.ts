import type { AuditTrail } from "../ports/audit.ts";
import type { Notifier } from "../ports/notifier.ts";
import type { SecretStore, Stores } from "../ports/secret-store.ts";
import { asKeyturnError } from "../rotation/errors.ts";
import type { Counters } from "./counters.ts";
import { noteDrafts } from "./outcomes.ts";

/*
 * Ports that count what goes through them and change nothing else: the same answers, the same errors.
 */

/** Every change that people are told of, by its name: a closed list (docs/audit.md), never text from outside. */
export function countedNotifier(inner: Notifier, { events }: Pick<Counters, "events">): Notifier {
  return {
    changed: (rotation, event) => {
      events.add({ event });
      return inner.changed(rotation, event);
    },
  };
}

/** Failures to write; that Redis is away is not the audit log's failure and has its own signs. */
export function countedAudit(inner: AuditTrail, counters: Counters): AuditTrail {
  const { auditFailures } = counters;
  const counting =
    <A extends unknown[]>(write: (...args: A) => Promise<void>) =>
    async (...args: A): Promise<void> => {
      try {
        await write(...args);
      } catch (error) {
        if (asKeyturnError(error).code !== "REDIS_UNAVAILABLE") auditFailures.add({});
        throw error;
      }
    };
  return {
    append: counting(async (drafts: Parameters<AuditTrail["append"]>[0]) => {
      await inner.append(drafts);
      noteDrafts(drafts, counters);
    }),
    sync: counting(() => inner.sync()),
    reconcile: counting(() => inner.reconcile()),
    verify: (source) => inner.verify(source),
    entries: (source) => inner.entries(source),
    lastKnown: () => inner.lastKnown(),
    head: () => inner.head(),
    unshipped: () => inner.unshipped(),
    close: () => inner.close(),
  };
}

/** Calls of secrets managers by type, method and outcome, and how long they took. One wrapper per store, so that a store stays one object. */
export function countedStores(inner: Stores, { request }: Pick<Counters, "request">): Stores {
  const wrapped = new WeakMap<SecretStore, SecretStore>();
  const wrap = (store: SecretStore): SecretStore => {
    const count = (operation: string, code: string, began: number) =>
      request({ provider: store.type, operation, code }, (performance.now() - began) / 1000);
    return new Proxy(store, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== "function" || typeof name !== "string") return member;
        return (...args: unknown[]): unknown => {
          const began = performance.now();
          const result: unknown = Reflect.apply(member, target, args);
          // What answers at once, such as `physicalId`, asks nobody.
          if (result instanceof Promise)
            result.then(
              () => count(name, "ok", began),
              (error: unknown) => count(name, asKeyturnError(error).code.toLowerCase(), began),
            );
          return result;
        };
      },
    });
  };
  return {
    of: async (dest) => {
      const store = await inner.of(dest);
      const known = wrapped.get(store) ?? wrap(store);
      wrapped.set(store, known);
      return known;
    },
    close: () => inner.close(),
  };
}

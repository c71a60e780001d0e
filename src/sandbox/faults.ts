import type { Fault, FaultRule } from "./fault-schema.ts";

/** An armed rule and what became of it. */
export interface ArmedFault extends FaultRule {
  id: string;
  hits: number;
}

interface Armed extends ArmedFault {
  seen: number;
  pattern: RegExp | null;
  /** Resolves when the rule is removed: then its gate is open. */
  removed: Promise<void>;
  open: () => void;
}

/** A fault for one request; `gone` resolves when its rule is removed. */
export interface TakenFault {
  id: string;
  fault: Fault;
  gone: Promise<void>;
}

/** What a rule can be matched with. */
export interface FaultSubject {
  method: string;
  path: string;
  /** Ids of keys the request concerns: the credential's, the path's. */
  keyIds: readonly string[];
}

/** Kinds that leave the outcome alone; any number of them applies to one request, and at most one other. */
const ALTERING = new Set<Fault["kind"]>([
  "duplicate_ids",
  "repeated_page",
  "null_hints",
  "hint_collision",
  "unknown_status",
  "missing_field",
  "set_field",
  "headers",
  "delay",
  "gate",
]);

/** The armed rules. They live in memory: a restarted sandbox is a healthy one. */
export class FaultRules {
  #rules: Armed[] = [];
  #count = 0;

  add(rule: FaultRule): string {
    const id = `fault_${++this.#count}`;
    const { promise: removed, resolve: open } = Promise.withResolvers<void>();
    const pattern = rule.match.path === undefined ? null : new RegExp(rule.match.path);
    this.#rules.push({ ...rule, id, seen: 0, hits: 0, pattern, removed, open });
    return id;
  }

  /** Requests that wait at the rule's gate go on. */
  remove(id: string): boolean {
    const rule = this.#rules.find((one) => one.id === id);
    this.#rules = this.#rules.filter((one) => one !== rule);
    rule?.open();
    return rule !== undefined;
  }

  clear(): void {
    for (const { id } of this.#rules) this.remove(id);
  }

  list(): ArmedFault[] {
    return this.#rules.map(({ id, hits, match, times, after, fault }) => ({ id, hits, match, times, after, fault }));
  }

  /** The faults for one request, in the order of their rules; counts them as used. */
  take(subject: FaultSubject): TakenFault[] {
    const taken: TakenFault[] = [];
    let decided = false;
    for (const rule of this.#rules) {
      if (!fits(rule, subject) || (decided && !ALTERING.has(rule.fault.kind))) continue;
      rule.seen += 1;
      if (rule.seen <= rule.after || (rule.times !== null && rule.hits >= rule.times)) continue;
      rule.hits += 1;
      decided ||= !ALTERING.has(rule.fault.kind);
      taken.push({ id: rule.id, fault: rule.fault, gone: rule.removed });
    }
    return taken;
  }
}

const fits = ({ match, pattern }: Armed, subject: FaultSubject): boolean =>
  (match.method === undefined || match.method === subject.method) &&
  (pattern === null || pattern.test(subject.path)) &&
  (match.keyId === undefined || subject.keyIds.includes(match.keyId));

/**
 * Every failure Keyturn knows, by who can fix it. That answer decides what happens: `waiting` is retried with
 * backoff, `operator` and `us` mark the rotation "needs attention". `exit` is the CLI's exit code.
 */
export const ERRORS = {
  STORE_UNAVAILABLE: {
    fixedBy: "waiting",
    exit: 69,
    say: "The secrets manager did not answer.",
    next: "Keyturn tries again; check the manager's status and the network.",
  },
  STORE_DENIED: {
    fixedBy: "operator",
    exit: 69,
    say: "The secrets manager refused Keyturn's credentials.",
    next: "Grant the permissions listed in docs/stores.md, then `keyturn retry`.",
  },
  STORE_MISSING: {
    fixedBy: "operator",
    exit: 1,
    say: "The secret or its field does not exist.",
    next: "Create it, or correct the destination in the configuration.",
  },
  STORE_CONFLICT: {
    fixedBy: "operator",
    exit: 1,
    say: "The secret is in a state that Keyturn will not overwrite.",
    next: "Look at the secret in its manager; details are in the message.",
  },
  BASE_CHANGED: {
    fixedBy: "waiting",
    exit: 75,
    say: "The secret was changed by someone else between our read and our write.",
    next: "Keyturn merges again on top of the new value.",
  },
  FOREIGN_PENDING: {
    fixedBy: "operator",
    exit: 75,
    say: "A pending value is in the store that Keyturn did not write.",
    next: "Finish or discard it in the secrets manager, then `keyturn retry`.",
  },
  ADMIN_UNAVAILABLE: {
    fixedBy: "waiting",
    exit: 69,
    say: "The Admin API did not answer as expected.",
    next: "Keyturn tries again; check the status page and anthropic.baseUrl.",
  },
  ADMIN_DENIED: {
    fixedBy: "operator",
    exit: 69,
    say: "The Admin API refused the Admin key.",
    next: "Check anthropic.adminKey: it must be an active Admin key of this organization.",
  },
  ADMIN_INVALID: {
    fixedBy: "us",
    exit: 69,
    say: "The Admin API answered with something Keyturn cannot read.",
    next: "Check anthropic.baseUrl for a proxy; if it is right, report the message.",
  },
  ADMIN_REFUSED: {
    fixedBy: "operator",
    exit: 1,
    say: "The Admin API refused the change.",
    next: "Look at the key in the Console; details are in the message.",
  },
  KEY_LIMIT: {
    fixedBy: "operator",
    exit: 1,
    say: "The organization or workspace is at its limit of active keys.",
    next: "Archive a key that nobody uses, then `keyturn retry`.",
  },
  KEY_NOT_FOUND: {
    fixedBy: "operator",
    exit: 64,
    say: "The organization has no key with this id.",
    next: "`keyturn scan --dry-run` lists the keys.",
  },
  REDIS_UNAVAILABLE: {
    fixedBy: "waiting",
    exit: 69,
    say: "Redis did not answer.",
    next: "Check redis.url and the server.",
  },
  REDIS_UNSAFE: {
    fixedBy: "operator",
    exit: 78,
    say: "Redis is not set up to keep data.",
    next: "Set maxmemory-policy to noeviction and turn on appendonly.",
  },
  SINK_UNAVAILABLE: {
    fixedBy: "operator",
    exit: 69,
    say: "The audit sink cannot be written, so nothing may be changed.",
    next: "Check audit.file: the folder must exist, be writable and have space.",
  },
  CONFLICT: {
    fixedBy: "waiting",
    exit: 75,
    say: "The rotation was changed by someone else in the meantime.",
    next: "Look at it with `keyturn show` and decide again.",
  },
  NEWER_RECORD: {
    fixedBy: "waiting",
    exit: 75,
    say: "A newer version of Keyturn wrote this rotation and goes on with it; this version leaves it alone.",
    next: "Use the newer version; see docs/upgrades.md.",
  },
  LOCK_HELD: {
    fixedBy: "waiting",
    exit: 75,
    say: "Another rotation or process holds it.",
    next: "Wait for it to finish, or end it first (keyturn list).",
  },
  HELD: {
    fixedBy: "operator",
    exit: 75,
    say: "A hold forbids this.",
    next: "Lift it with `keyturn unhold`, or remove it from `holds:` in the configuration.",
  },
  HOLD_NOT_DURABLE: {
    fixedBy: "operator",
    exit: 69,
    say: "held, but would not survive the loss of Redis",
    next: "Add it to `holds:` in the configuration.",
  },
  INTERRUPTED: {
    fixedBy: "waiting",
    exit: 75,
    say: "The process was asked to end before its work was done.",
    next: "Run it again: nothing is lost, and the next run goes on from here.",
  },
  WRONG_STATE: {
    fixedBy: "operator",
    exit: 75,
    say: "The rotation is not in a state where this is possible.",
    next: "Look at it with `keyturn show`.",
  },
  ILLEGAL_TRANSITION: {
    fixedBy: "us",
    exit: 1,
    say: "The state machine has no such move.",
    next: "Report this; nothing was changed.",
  },
  NOT_AN_APPROVER: {
    fixedBy: "operator",
    exit: 77,
    say: "You may not decide this.",
    next: "Ask an approver named under `approvers:`, or use --break-glass --reason.",
  },
  DIRECTORY_UNAVAILABLE: {
    fixedBy: "waiting",
    exit: 69,
    say: "Slack did not say whether you may decide, so nothing was decided.",
    next: "Try again in a minute, or decide on the command line.",
  },
  SLACK_UNAVAILABLE: {
    fixedBy: "waiting",
    exit: 69,
    say: "Slack did not answer as expected.",
    next: "Keyturn tries again; decisions work on the command line meanwhile.",
  },
  SLACK_REFUSED: {
    fixedBy: "operator",
    exit: 69,
    say: "Slack refused the request.",
    next: "Look the code up in docs/slack.md, and correct the app or the channel.",
  },
  OTHER_HOST: {
    fixedBy: "operator",
    exit: 78,
    say: "A dotenv-file store belongs to one host, and another host works with it.",
    next: "Run Keyturn on one host (in Kubernetes: one replica, strategy Recreate), or keep the keys in a secrets manager: docs/stores.md.",
  },
  KEY_REFUSED: {
    fixedBy: "operator",
    exit: 65,
    say: "The submitted key was refused.",
    next: "Create a key as `keyturn show` says, and submit that one.",
  },
  CONFIG_INVALID: {
    fixedBy: "operator",
    exit: 78,
    say: "The configuration is not valid.",
    next: "Correct the lines named above; `keyturn config check` tests it.",
  },
  USAGE: {
    fixedBy: "operator",
    exit: 64,
    say: "The command line is not right.",
    next: "`keyturn help` lists the commands.",
  },
  NOT_FOUND: {
    fixedBy: "operator",
    exit: 64,
    say: "There is no such rotation or target.",
    next: "`keyturn list --all` lists them.",
  },
  INTERNAL: {
    fixedBy: "us",
    exit: 1,
    say: "Something went wrong inside Keyturn.",
    next: "The log has the details; report it.",
  },
} as const satisfies Record<
  string,
  { fixedBy: "waiting" | "operator" | "us"; exit: number; say: string; next: string }
>;
export type ErrorCode = keyof typeof ERRORS;

/**
 * The only error class that crosses a port. `detail` is safe to show and to store: adapters put facts into it (a
 * name, a status code), never text from a vendor's error, which may quote a key (facts: security.md section 8). So are
 * `say` and `next`, which take the place of what `ERRORS` has for the code.
 */
export class KeyturnError extends Error {
  readonly code: ErrorCode;
  /** A finer, closed-list code where there is one: a refusal, problem or attention code. */
  readonly reason: string | null;
  readonly next: string;
  /** Earliest sensible retry, in milliseconds from now, when the other side said so. */
  readonly retryAfterMs: number | null;

  constructor(
    code: ErrorCode,
    detail?: string,
    more: { say?: string; reason?: string; next?: string; retryAfterMs?: number | null } = {},
  ) {
    const say = more.say ?? ERRORS[code].say;
    super(detail === undefined ? say : `${say} ${detail}`);
    this.name = "KeyturnError";
    this.code = code;
    this.reason = more.reason ?? null;
    this.next = more.next ?? ERRORS[code].next;
    this.retryAfterMs = more.retryAfterMs ?? null;
  }

  get fixedBy(): "waiting" | "operator" | "us" {
    return ERRORS[this.code].fixedBy;
  }
  get exit(): number {
    return ERRORS[this.code].exit;
  }
}

/** Turns anything thrown into a KeyturnError. Unknown errors keep only their class name: their text may quote a key. */
export function asKeyturnError(error: unknown): KeyturnError {
  if (error instanceof KeyturnError) return error;
  const name = error instanceof Error ? error.name : typeof error;
  const wrapped = new KeyturnError("INTERNAL", `(${name})`);
  if (error instanceof Error) wrapped.stack = [`KeyturnError: ${wrapped.message}`, ...framesOf(error)].join("\n");
  return wrapped;
}

/**
 * The lines of a stack that name files and lines. Before them stands the message, which may have lines that look like
 * frames: where it does not stand there as it should (it was changed later), no line is kept.
 */
function framesOf(error: Error): string[] {
  const stack = error.stack ?? "";
  const end = error.message === "" ? stack.indexOf("\n") : stack.indexOf(`: ${error.message}\n`);
  if (end < 0 || !/^[\w$.]+( \[\w+\])?$/.test(stack.slice(0, end))) return [];
  const rest = stack.slice(end + (error.message === "" ? 0 : error.message.length + 2));
  return rest.split("\n").filter((line) => /^\s+at /.test(line));
}

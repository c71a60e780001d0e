/** A step of the demo that went wrong, in words for a person. Never key text. */
export class StepFailed extends Error {
  readonly next: string | null;
  /** Where more is to be read. */
  readonly log: string | null;

  constructor(what: string, more: { next?: string; log?: string } = {}) {
    super(what);
    this.name = "StepFailed";
    this.next = more.next ?? null;
    this.log = more.log ?? null;
  }
}

/** The person, or the system, ended the demo. */
export class Interrupted extends Error {
  constructor() {
    super("interrupted");
    this.name = "Interrupted";
  }
}

import { createHash } from "node:crypto";
import type { Bulletin } from "../ports/outbox.ts";
import { impactOf } from "../rotation/impact.ts";
import type { HistoryEntry, Rotation } from "../rotation/record.ts";
import { viewOf } from "../rotation/view.ts";

/** One entry of a rotation's history that a webhook may be told of. */
export interface Happening {
  /** The same for the same happening, in every process and after every loss, so that receivers can tell repetitions. */
  id: string;
  entry: HistoryEntry;
  /** `approved`, `completed`, `attention_raised` … */
  event: string;
  /** Of an attention that was raised. */
  code: string | null;
}

const RAISED = /^attention:(.+)$/;

/**
 * Everything that happened to a rotation, oldest first. The id comes from what happened and not from its place: old entries
 * of a long history are dropped.
 */
export function happenings(r: Rotation): Happening[] {
  const seen = new Map<string, number>();
  return r.history.map((entry) => {
    const what = `${r.install}/${r.id}/${entry.at}/${entry.event}`;
    const count = (seen.get(what) ?? 0) + 1;
    seen.set(what, count);
    const code = RAISED.exec(entry.event)?.[1] ?? null;
    const id = `msg_${createHash("sha256").update(`${what}/${count}`).digest("hex").slice(0, 32)}`;
    return { id, entry, event: code === null ? entry.event : "attention_raised", code };
  });
}

export const isAboutAttention = (h: Happening): boolean =>
  h.event === "attention_raised" || h.event === "attention_cleared";

/**
 * What is posted (docs/webhooks.md): what happened, and the rotation as it is at the time of sending. Fields of the public
 * view only, so it holds no key text. @param publicUrl without a slash at the end; null: no page
 */
export function messageOf(h: Happening, { rotation, auditHead }: Bulletin, publicUrl: string | null): object {
  const view = viewOf(rotation);
  return {
    schema: 1,
    id: h.id,
    type: `rotation.${h.event}`,
    at: new Date(h.entry.at).toISOString(),
    install: rotation.install,
    actor: h.entry.actor,
    via: h.entry.via,
    code: h.code,
    rotation: {
      id: view.id,
      target: view.target,
      state: view.state,
      reason: view.reason,
      outgoingKey: view.outgoingKey,
      replacementKey: view.replacementKey,
      needsAttention:
        rotation.attention === null
          ? null
          : {
              code: rotation.attention.code,
              message: rotation.attention.message,
              impact: impactOf(rotation.attention.code),
              next: rotation.attention.next,
            },
      deadline: view.deadline,
      url: publicUrl === null ? null : `${publicUrl}/rotations/${encodeURIComponent(rotation.id)}`,
    },
    auditHead,
  };
}

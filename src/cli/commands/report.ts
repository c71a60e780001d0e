import { listRotations, present } from "../../app/find.ts";
import type { Command } from "../command.ts";
import { table } from "../format/table.ts";

export const report: Command = {
  name: "report",
  usage: "",
  summary: "the evidence in short: every rotation, who approved, how it ended, and the chain's head",
  positionals: [0, 0],
  run: async (context) => {
    const { deps } = await context.app();
    const all = await listRotations(deps, { all: true, state: null, target: null });
    const head = await deps.audit.head();
    const views = await Promise.all(all.map((r) => present(deps, r)));
    const rows = views.map((v) => [
      v.createdAt.slice(0, 16),
      v.target ?? v.outgoingKey.id,
      v.reason,
      v.state,
      v.approvals.map((a) => a.actor).join(", ") || "–",
    ]);
    const chain = head === null ? "the audit chain is empty" : `audit chain: record ${head.seq}, ${head.hash}`;
    return {
      json: { schema: 1, rotations: views, auditHead: head },
      text: `${rows.length === 0 ? "No rotations." : table([["OPENED", "TARGET", "REASON", "STATE", "APPROVED BY"], ...rows])}\n\n${chain}`,
    };
  },
};

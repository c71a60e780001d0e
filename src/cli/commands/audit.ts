import { auditFiles } from "../../compose.ts";
import { KeyturnError, asKeyturnError } from "../../rotation/errors.ts";
import { text } from "../actor.ts";
import type { Command, Context } from "../command.ts";

const source = (file: string | null) => (file === null ? undefined : { file });

/** The evidence must be readable without Redis; where it answers, the file is compared with it. */
async function auditOf(context: Context): Promise<ReturnType<typeof auditFiles>> {
  if (text(context.values["from"]) !== null) return auditFiles(context.config());
  try {
    const app = await context.app();
    return { verify: (from) => app.deps.audit.verify(from), exportAudit: app.exportAudit };
  } catch (error) {
    if (asKeyturnError(error).code !== "REDIS_UNAVAILABLE" || context.config().config.audit.file === undefined)
      throw error;
    return auditFiles(context.config());
  }
}

export const auditVerify: Command = {
  name: "audit verify",
  usage: "[--from <file>]",
  summary: "check the hash chain: 0 intact, 1 broken (names the first bad record), 69 no source",
  positionals: [0, 0],
  options: { from: { type: "string" } },
  run: async (context) => {
    const audit = await auditOf(context);
    const verdict = await audit.verify(source(text(context.values["from"])));
    if (!verdict.intact) {
      const { epoch, seq } = verdict.firstBad;
      return {
        json: { schema: 1, ...verdict },
        text: `BROKEN at record ${seq} (epoch ${epoch}): ${verdict.why}\nsource: ${verdict.source}`,
        exit: 1,
      };
    }
    const head = verdict.head === null ? "no records" : `head ${verdict.head.seq} ${verdict.head.hash}`;
    const tail =
      verdict.unshippedTail === 0
        ? ""
        : `\nunshipped tail: ${verdict.unshippedTail} records that a later epoch did not know of`;
    return {
      json: { schema: 1, ...verdict },
      text: `intact: ${verdict.entries} records in ${verdict.epochs} epoch(s), ${head}${tail}\nsource: ${verdict.source}`,
    };
  },
};

export const auditExport: Command = {
  name: "audit export",
  usage: "[--format json|csv] [--from <file>]",
  summary: "the records as JSON lines or CSV on stdout",
  positionals: [0, 0],
  options: { format: { type: "string" }, from: { type: "string" } },
  run: async (context) => {
    const format = text(context.values["format"]) ?? "json";
    if (format !== "json" && format !== "csv") throw new KeyturnError("USAGE", "--format is json or csv.");
    const audit = await auditOf(context);
    for await (const line of audit.exportAudit(format, source(text(context.values["from"])))) {
      if (!context.stdout.write(line)) await new Promise((resolve) => context.stdout.once("drain", resolve));
    }
    return null;
  },
};

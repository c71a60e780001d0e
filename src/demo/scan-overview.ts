import { z } from "zod";
import { StepFailed } from "./failure.ts";

/** The part of `scan --json` that the demo shows. */
const ScanDocument = z.object({
  targets: z.array(z.object({ name: z.string(), ageDays: z.number().nullable(), due: z.boolean() })),
  unmanaged: z.array(z.object({ name: z.string(), ageDays: z.number() })),
  problems: z.array(z.object({ code: z.string(), message: z.string() })),
});

/** One sentence for a scan. @throws StepFailed when it is not the documented document, or reports a problem */
export function overview(json: string): string {
  let document: unknown;
  try {
    document = JSON.parse(json);
  } catch {
    throw new StepFailed("keyturn scan --json did not print JSON");
  }
  const read = ScanDocument.safeParse(document);
  if (!read.success) throw new StepFailed("keyturn scan --json printed another document than documented");
  const { targets, unmanaged, problems } = read.data;
  const [problem] = problems;
  if (problem !== undefined) throw new StepFailed(`the scan reports ${problem.code}: ${problem.message}`);
  const parts = targets.map((t) => `${t.name} ${t.due ? "is due" : "is not due"} (${t.ageDays ?? "?"} days)`);
  const others = unmanaged.map((key) => `${key.name}, ${key.ageDays} days`);
  if (others.length > 0) parts.push(`nobody manages ${others.join("; ")}: reported, never touched`);
  return `${parts.join("; ")}. Nothing was changed`;
}

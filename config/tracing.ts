import { z } from "zod";
import { isLoopback, reference, section } from "./fields.ts";
import type { Report } from "./places.ts";
import type { Config } from "./schema.ts";

/** An address of a collector: plain http too, because inside a cluster there is mostly nothing else. */
const collector = () =>
  z.string().superRefine((text, context) => {
    const problem = collectorProblem(text);
    if (problem !== null) context.addIssue({ code: "custom", message: problem });
  });

function collectorProblem(text: string): string | null {
  if (!URL.canParse(text)) return "must be an address such as http://otel-collector:4318";
  const { protocol, username, password, search, hash } = new URL(text);
  if (protocol !== "https:" && protocol !== "http:") return "must start with https:// or http://";
  if (username !== "" || password !== "") return "must not contain a user name or password; use `headers`";
  if (search !== "" || hash !== "") return "must not contain a query (?…) or fragment (#…)";
  return null;
}

export const tracingSchema = section({
  endpoint: collector().describe(
    "OTLP/HTTP address of the collector, such as http://otel-collector:4318; `/v1/traces` is added.",
  ),
  headers: z
    .record(
      z.string().regex(/^[A-Za-z0-9-]{1,64}$/, "must be the name of a header: letters, digits and `-`"),
      reference(),
    )
    .prefault({})
    .describe("Headers of each request, by name; the values are references."),
  sampleRatio: z.number().min(0).max(1).prefault(1).describe("Part of the steps that is traced, 0 to 1."),
  serviceName: z.string().min(1).max(100).prefault("keyturn").describe("`service.name` of the spans."),
});

/** What is in the headers must not go over the network in clear. */
export function checkTracing({ tracing }: Config, report: Report): void {
  if (tracing === undefined || Object.keys(tracing.headers).length === 0) return;
  const { protocol, hostname } = new URL(tracing.endpoint);
  if (protocol === "http:" && !isLoopback(hostname))
    report(["tracing", "endpoint"], "must start with https:// when there are `headers`: they would be sent in clear");
}

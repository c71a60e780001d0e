import { readFileSync } from "node:fs";
import type * as api from "@opentelemetry/api";
import { describe, expect, it } from "vitest";
import { KeyturnError } from "../../src/rotation/errors.ts";
import { ALLOWED, RESOURCE } from "../../src/tracing/attributes.ts";
import { toOtlp } from "../../src/tracing/otlp.ts";
import { type EndedSpan, startSpan } from "../../src/tracing/span.ts";
import { makeKey } from "../support/keys.ts";

const context = { traceId: "a".repeat(32), spanId: "b".repeat(16), traceFlags: 1 };

/** A span with whatever is done to it, as it is sent. */
function sent(work: (span: api.Span) => void): { span: EndedSpan; json: string } {
  const ended: EndedSpan[] = [];
  const span = startSpan({ name: "step", kind: 0, context, parentSpanId: null, links: [], start: 1n }, (s) =>
    ended.push(s),
  );
  work(span);
  span.end();
  const [one] = ended;
  if (one === undefined) throw new Error("the span did not end");
  return { span: one, json: toOtlp([one], { "service.name": "keyturn" }, "0") };
}

describe("a span says what is on the list, and nothing else", () => {
  it("an attribute on the list is kept, with its type", () => {
    const { json } = sent((span) =>
      span
        .setAttributes({ "keyturn.rotation": "rot_1", "keyturn.attempt": 2 })
        .setAttribute("keyturn.step", "draining"),
    );
    const { attributes } = (
      JSON.parse(json) as { resourceSpans: { scopeSpans: { spans: { attributes: unknown }[] }[] }[] }
    ).resourceSpans[0]!.scopeSpans[0]!.spans[0]!;
    expect(attributes).toEqual([
      { key: "keyturn.rotation", value: { stringValue: "rot_1" } },
      { key: "keyturn.attempt", value: { intValue: "2" } },
      { key: "keyturn.step", value: { stringValue: "draining" } },
    ]);
  });

  const secret = "a-secret-of-the-application";
  it.each([
    { what: "an attribute that is not on the list", do: (s: api.Span) => s.setAttribute("http.url", secret) },
    {
      what: "attributes that are not on the list",
      do: (s: api.Span) => s.setAttributes({ "bullmq.job.result": secret }),
    },
    { what: "a list, even under a name that is", do: (s: api.Span) => s.setAttribute("keyturn.target", [secret]) },
    { what: "an event", do: (s: api.Span) => s.addEvent(secret, { "keyturn.target": secret }) },
    { what: "the message and stack of an exception", do: (s: api.Span) => s.recordException(new Error(secret)) },
    { what: "an exception that is a text", do: (s: api.Span) => s.recordException(secret) },
    { what: "the message of a status", do: (s: api.Span) => s.setStatus({ code: 2, message: secret }) },
    {
      what: "a link's attributes",
      do: (s: api.Span) => s.addLink({ context, attributes: { "keyturn.target": secret } }),
    },
  ])("never leaves: $what", ({ do: work }) => {
    const { json } = sent(work);
    expect(json).not.toContain(secret);
  });

  it("nothing is added after its end", () => {
    const { span } = sent((s) => {
      s.end();
      s.setAttribute("keyturn.target", "late");
    });
    expect(span.attributes).toEqual({});
  });

  it.each([
    { error: new KeyturnError("STORE_DENIED", "a detail"), code: "STORE_DENIED" },
    { error: new Error("REDIS_UNAVAILABLE"), code: "REDIS_UNAVAILABLE" },
    { error: new Error("anything else"), code: "INTERNAL" },
    { error: "a text", code: "INTERNAL" },
  ])("an exception leaves a code of ours: $code", ({ error, code }) => {
    const { span } = sent((s) => s.recordException(error));
    expect([span.attributes, span.failed]).toEqual([{ "error.type": code }, true]);
  });

  it("P3: a key that somebody made a name of is not shown, and a text has an end", () => {
    const key = makeKey("traces");
    const { span, json } = sent((s) => {
      s.setAttribute("keyturn.target", `rule:files/${key}`);
      s.setAttribute("keyturn.code", "x".repeat(10_000));
    });
    expect(json).not.toContain(key);
    expect(span.attributes["keyturn.target"]).toBe("[key]");
    expect(String(span.attributes["keyturn.code"])).toHaveLength(200);
  });
});

it("docs/tracing.md has every attribute with its meaning, and none that does not exist", () => {
  const rows = readFileSync("docs/tracing.md", "utf8").match(/^\| `[^|]+\|[^|]+\|$/gm) ?? [];
  const documented = Object.fromEntries(
    rows
      .map((row) => row.split("|").map((cell) => cell.trim()))
      .map(([, name = "", means = ""]) => [name.replaceAll("`", ""), means]),
  );
  expect(documented).toEqual({ ...ALLOWED, ...RESOURCE });
});

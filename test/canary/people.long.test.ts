import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MODAL, ACTION } from "../../src/slack/actions.ts";
import { makeAdminKey, makeKey, makeOauthToken } from "../support/keys.ts";
import { type PeopleSite, peopleSite } from "./people-site.ts";

/*
 * P3 on every way for people: no key, no token and no secret in anything that leaves the process. One installation, from
 * proposal to archive; each test adds to what was said, and searches all of it.
 */

/** A target's name is told wherever Keyturn tells of a rotation: where this is not found, nothing was searched. */
const CONTROL = `control-${randomBytes(16).toString("hex")}`;
const files = (name: string) => [`${name}.env`, `.${name}.env.keyturn-pending`];
const OPEN = [...files(CONTROL), ...files("payments")];
const [ANA, BEN, OLGA] = ["U0ANA", "U0BEN", "U0OLGA"];

let at: PeopleSite;
let id: string;
beforeAll(async () => {
  at = await peopleSite(CONTROL);
  at.watch("control", CONTROL);
  await at.run(0, ["rotate", CONTROL]);
  ({ id } = await at.show(CONTROL));
});
afterAll(() => at.close());

const leaks = async (places = OPEN) => (await at.found(places)).filter((line) => !line.startsWith("control"));
/** A key that somebody types where none belongs. */
const typed = (where: string) => at.watch(`key typed as ${where}`, makeKey(where));
const hasButton = (actionId: string) =>
  at.slack.messages(ANA).some((message) => JSON.stringify(message.blocks).includes(`"${actionId}"`));
const answersTo = (person: string) => at.slack.messages(person).filter((message) => message.onlyFor === person);
const newestAnswer = async (person: string, act: () => Promise<unknown>) => {
  const before = answersTo(person).length;
  await act();
  return at.wait("an answer", () => answersTo(person).slice(before).at(-1)?.text);
};
const ours = () => ({ origin: at.wires.front.url, "sec-fetch-site": "same-origin" });

describe("P3: what people see, say and are sent", () => {
  it("in Slack before approval: the card, its reminders of who may, keys typed into every field, Slack's API failing", async () => {
    // A card whose answer is lost is looked for a minute long; posts fail further down, where nobody waits for them.
    at.wires.hooks.echo(/hook/, 1);
    await at.wait("the card", () => hasButton(ACTION.approve));
    for (const line of [
      `/keyturn rotate ${typed("target of rotate")}`,
      `/keyturn rotate ${CONTROL} ${typed("reason of rotate")}`,
      `/keyturn ${typed("word of a command")}`,
      `/keyturn status ${typed("subject of status")}`,
      `/keyturn revoke ${typed("subject of revoke")}`,
      `/keyturn hold ${typed("subject of hold")}`,
    ]) {
      expect(await newestAnswer(ANA, () => at.slack.command(ANA, line))).toMatch(/looks like a key/);
    }
    await newestAnswer(OLGA, () => at.slack.click({ as: OLGA, actionId: ACTION.approve }));
    await at.slack.click({ as: ANA, actionId: ACTION.reject });
    expect(at.slack.workspace.viewOf(ANA)?.view["callback_id"]).toBe(MODAL.reject);
    const refused = await at.slack.submit(ANA, { keyturn_reason: { text: `leaked: ${typed("reason in a form")}` } });
    expect(refused.body).toMatch(/looks like a key/);
    at.wires.slack.echo(/users\.info/, 1);
    expect(await newestAnswer(ANA, () => at.slack.click({ as: ANA, actionId: ACTION.approve }))).toMatch(/Not saved/);
    expect((await at.show(id)).state).toBe("awaiting_approval");
    expect(await leaks()).toEqual([]);
  });

  it("on the HTTP API: keys as an id, in a query, in bodies, as a token; the list, a rotation, the description", async () => {
    const bearer = { authorization: `Bearer ${at.tokens.api}`, "content-type": "application/json" };
    const post = (path: string, body: string, headers: Record<string, string> = bearer) =>
      at.ask(`/api/v1${path}`, { method: "POST", body, headers });
    for (const path of ["/openapi.json", "/rotations", "/rotations?all=true", `/rotations/${id}`]) {
      expect((await at.ask(`/api/v1${path}`, { headers: bearer })).status).toBe(200);
    }
    const wrong = { ...bearer, authorization: `Bearer ${typed("bearer token")}` };
    const nothing = { ...bearer, authorization: `Bearer ${at.tokens.api.slice(0, -1)}` };
    const answers = await Promise.all([
      at.ask(`/api/v1/rotations/${typed("id in an address")}`, { headers: bearer }),
      at.ask(`/api/v1/rotations?target=${typed("query of the API")}`, { headers: bearer }),
      at.ask(`/api/v1/${typed("path of the API")}`, { headers: bearer }),
      at.ask("/api/v1/rotations", { headers: wrong }),
      at.ask("/api/v1/rotations", { headers: nothing }),
      post(`/rotations/${id}/reject`, JSON.stringify({ reason: `it is ${typed("reason of the API")}` })),
      post(`/rotations/${id}/approve`, JSON.stringify({ key: typed("field of the API") })),
      post(`/rotations/${id}/approve`, JSON.stringify({ [typed("field name of the API")]: 1 })),
      post(`/rotations/${id}/approve`, JSON.stringify({ planHash: typed("plan hash of the API") })),
      post(`/rotations/${id}/snooze`, `{"until": "${typed("half of a JSON")}`),
      post(`/rotations/${id}/snooze`, JSON.stringify({ until: typed("time of the API") })),
      post("/holds", JSON.stringify({ subject: typed("subject of the API") })),
      post("/revocations", JSON.stringify({ subject: typed("subject of a revocation") })),
      post(`/targets/${typed("target of the API")}/rotate`, "{}"),
      post(`/rotations/${id}/reject`, typed("body of the API"), { ...bearer, "content-type": "text/plain" }),
      post(`/rotations/${id}/reject`, `{"reason":"${typed("large body").repeat(200)}"}`),
    ]);
    for (const { status } of answers) expect(status).toSatisfy((s: number) => s >= 400 && s < 500);
    expect((await at.show(id)).state).toBe("awaiting_approval");
    expect(await leaks()).toEqual([]);
  });

  it("on the dashboard: keys in addresses and forms, the sign-in token given wrong and right", async () => {
    const form = (path: string, fields: Record<string, string>, cookie = "") =>
      at.ask(path, { method: "POST", body: new URLSearchParams(fields), headers: { ...ours(), cookie } });
    const asked = [
      await at.ask(`/rotations/${typed("id of a page")}`),
      await at.ask(`/sign-in?to=${encodeURIComponent(`/rotations/${typed("way back")}`)}`),
      await at.ask(`/targets/x?key=${typed("query of a page")}`),
      await at.ask(`/livez?key=${typed("query of a probe")}`, { headers: { "x-api-key": typed("header") } }),
      await form("/sign-in", { token: typed("sign-in token") }),
      await form("/sign-in", { token: at.tokens.signIn.slice(1), to: `/rotations/${typed("field of the way back")}` }),
    ];
    expect(asked.map(({ status }) => status)).toEqual([400, 400, 400, 400, 401, 401]);
    const entered = await form("/sign-in", { token: at.tokens.signIn });
    expect(entered.status).toBe(303);
    const cookie = entered.headers.get("set-cookie")?.split(";")[0] ?? "";
    const page = await at.ask(`/rotations/${id}`, { headers: { cookie } });
    const csrf = /name="csrf" value="([^"]+)"/.exec(page.text)?.[1] ?? "";
    for (const path of ["/", "/rotations", `/rotations/${id}/evidence`, `/targets/${CONTROL}`])
      expect((await at.ask(path, { headers: { cookie } })).status).toBe(200);
    const refused = [
      await at.ask(`/rotations/${typed("id of a page, signed in")}`, { headers: { cookie } }),
      await form(`/rotations/${id}/reject`, { csrf, reason: `it is ${typed("reason of a page")}` }, cookie),
      await form(`/rotations/${id}/reject`, { csrf: typed("csrf of a page"), reason: "no" }, cookie),
      await form(`/rotations/${id}/approve`, { csrf, shown: typed("plan of a page") }, cookie),
      await form(`/rotations/${id}/${typed("action of a page")}`, { csrf }, cookie),
      await form(`/targets/${typed("target of a page")}/hold`, { csrf }, cookie),
    ];
    expect(refused.map(({ status }) => status)).toEqual([400, 303, 403, 303, 400, 400]);
    // What was said of the refusals is shown once, on the next page.
    await at.ask(`/rotations/${id}`, { headers: { cookie } });
    expect((await at.show(id)).state).toBe("awaiting_approval");
    expect(await leaks()).toEqual([]);
  });

  it("of handing over: links in private messages, refused pastes of every kind, the accepted one, and the rest", async () => {
    await newestAnswer(ANA, () => at.slack.click({ as: ANA, actionId: ACTION.approve }));
    await at.wait("the link for Ana", () =>
      at.slack.messages(ANA).some((m) => m.onlyFor === null && JSON.stringify(m).includes("/intake#")),
    );
    const first = at.linkOf(ANA);
    await at.wait("the button on the card", () => hasButton(ACTION.link));

    const look = (token: string, query = "") =>
      at.ask(`/intake/look${query}`, {
        method: "POST",
        body: JSON.stringify({ token }),
        headers: { ...ours(), "content-type": "application/json" },
      });
    const paste = async (token: string, text: string | Uint8Array, query = "", headers = ours()) => {
      const body = Buffer.concat([Buffer.from(`${JSON.stringify({ token })}\n`), Buffer.from(text as string)]);
      const type = { "content-type": "application/octet-stream" };
      const send = () => at.ask(`/intake${query}`, { method: "POST", body, headers: { ...headers, ...type } });
      const answer = await send();
      // A worker looked at the rotation at that moment: nothing was used up.
      return answer.status === 409 ? send() : answer;
    };
    const newLink = async () => {
      await newestAnswer(ANA, () => at.slack.click({ as: ANA, actionId: ACTION.link }));
      return at.linkOf(ANA);
    };

    for (const path of ["/intake", "/intake.mjs", "/intake-view.mjs", "/intake.css"])
      expect((await at.ask(path)).status).toBe(200);
    expect((await look(first)).status).toBe(200);
    expect((await look(typed("token of a link"))).status).not.toBe(200);
    expect((await at.ask(`/intake?key=${typed("query of the page")}`)).status).toBe(400);
    expect((await at.ask(`/intake/${typed("path of the page")}`)).status).toBe(400);
    expect((await look(first, `?key=${typed("query of a look")}`)).status).toBe(400);
    expect((await paste(first, typed("paste with a query"), `?key=${typed("query of a paste")}`)).status).toBe(400);
    const elsewhere = { origin: "https://elsewhere.example", "sec-fetch-site": "cross-site" };
    expect((await paste(first, typed("paste from elsewhere"), "", elsewhere)).status).toBe(403);

    const disabled = await at.make("disabled");
    await at.console.disableKey(disabled.id);
    const workspace = await at.console.createWorkspace("other");
    const bare = typed("bare paste");
    const rows: { code: string; text: string }[] = [
      { code: "unknown_key", text: typed("unknown key") },
      { code: "admin_key", text: at.watch("an Admin key", makeAdminKey("pasted")) },
      { code: "oauth_token", text: at.watch("an OAuth token", makeOauthToken("pasted")) },
      { code: "outgoing_key", text: at.outgoing.text },
      { code: "several_lines", text: `${typed("first line")}\n${typed("second line")}` },
      { code: "assignment", text: `export ANTHROPIC_API_KEY=${typed("assignment")}` },
      { code: "quoted", text: `"${typed("quoted")}"` },
      { code: "hint_pasted", text: `${bare.slice(0, 60)}...${bare.slice(-4)}` },
      { code: "not_a_key", text: `key_${bare}` },
      { code: "too_long", text: typed("long").repeat(20) },
      { code: "key_not_active", text: disabled.text },
      { code: "wrong_workspace", text: (await at.make("elsewhere", { workspaceId: workspace.id })).text },
    ];
    let [link, left] = [first, 4];
    for (const { code, text } of rows) {
      if (left-- === 0) [link, left] = [await newLink(), 3];
      const { status, text: answer } = await paste(link, text);
      expect([status, JSON.parse(answer)]).toEqual([422, expect.objectContaining({ code })]);
    }
    expect((await paste(link, typed("oversized").repeat(60))).status).toBe(413);
    expect((await paste(link, Buffer.concat([Buffer.from(typed("binary")), Buffer.from([0, 1, 0xff])]))).status).toBe(
      400,
    );
    // The one before has ended.
    expect((await paste(first, typed("paste by an old link"))).status).toBe(410);
    expect(await leaks()).toEqual([]);

    await newestAnswer(ANA, () => at.slack.click({ as: ANA, actionId: ACTION.delegate, choice: BEN }));
    const replacement = await at.make("replacement");
    for (const method of [/chat\.update/, /chat\.postMessage/]) at.wires.slack.echo(method, 2);
    at.wires.hooks.echo(/hook/, 2);
    const bens = at.linkOf(BEN);
    expect((await look(bens)).status).toBe(200);
    expect((await paste(bens, `${replacement.text}\r\n`)).status).toBe(200);
    expect((await paste(bens, replacement.text)).status).toBe(200);
    expect((await paste(bens, typed("another key for a used link"))).status).toBe(410);
    await at.run(0, ["wait", id, "--for", "completed", "--timeout", "40s"]);
    await at.wait("the last word to the webhook", () =>
      at.wires.hooks.exchanges.some(({ status, body }) => status === 204 && body.includes("rotation.outgoing_gone")),
    );
    await at.wait("the last word in the thread", () => at.slack.messages().some(({ text }) => /archived/i.test(text)));
    expect(await at.value(CONTROL)).toBe(replacement.text);
    expect(await leaks(files("payments").concat(`${CONTROL}.env`))).toEqual([]);
  });

  it("of what needs a person: a bad value staged by hand, told in Slack and to the webhook", async () => {
    await at.run(0, ["rotate", "payments"]);
    await at.run(0, ["approve", "payments"]);
    const { id: other } = await at.show("payments");
    const bad = at.watch("a value staged by hand", makeKey("staged by hand"));
    await writeFile(join(at.dir, ".payments.env.keyturn-pending"), `ANTHROPIC_API_KEY=${bad}\n`, { mode: 0o600 });
    await at.run(0, ["retry", other]);
    await at.wait("the attention", async () => (await at.show(other)).needsAttention);
    const told = (text: string) => text.includes(other) && text.includes("attention_raised");
    await at.wait("the webhook", () => at.wires.hooks.exchanges.some(({ body }) => told(body.toString("utf8"))));
    await at.wait("the card", () => hasButton(ACTION.retry));
    for (const target of ["payments", CONTROL])
      await newestAnswer(ANA, () => at.slack.command(ANA, `/keyturn status ${target}`));
    expect(await leaks()).toEqual([]);
  });

  it("and the search does find a name that Keyturn tells on purpose, in every place that is searched", async () => {
    at.server.process.kill("SIGTERM");
    expect((await at.server.ended).code).toBe(0);
    expect(await leaks()).toEqual([]);
    const found = (await at.found(OPEN)).filter((line) => line.startsWith("control"));
    for (const place of [
      /in stderr of process 0 /,
      /in a Redis command /,
      /in Redis hash /,
      /in file audit\.jsonl$/,
      /in a request to \/api\/chat\.postMessage$/,
      /in a request to \/api\/chat\.update$/,
      /in a request to \/hook$/,
      /in a message in the channel$/,
      /in a private message to U0ANA$/,
      /in a private message to U0BEN$/,
      /in the answer 200 to GET \/$/,
      /in the answer 200 to GET \/rotations\/rot_/,
      /in the answer 200 to GET \/api\/v1\/rotations$/,
      /in the answer 200 to POST \/intake\/look$/,
      /in the answer 200 to POST \/slack\/commands$/,
    ]) {
      expect(
        found.filter((line) => place.test(line)),
        String(place),
      ).not.toEqual([]);
    }
  });
});

/*
 * The page of a one-time link. The link's secret stands in the fragment, which browsers send to nobody; this script sends it
 * in request bodies alone, and keeps nothing in any storage.
 */
import { $, hideProblem, say, showClosed, showDone, showOpen, showProblem, showTimes, view } from "./intake-view.mjs";

const POLL_MS = 4000;
const SLOW_MS = 60_000;

let token = "";
/** What the server last said, and our clock at that moment: its times are held against its own clock. */
let facts = null;
let heardAt = 0;
let timer = 0;
let sending = false;
let over = false;

async function post(path, type, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "content-type": type },
    body,
    cache: "no-store",
    credentials: "same-origin",
    redirect: "error",
  });
  return response.json();
}

/** Looks at the link; repeated while the page is in view and the link of use. Consumes nothing. */
async function look() {
  clearTimeout(timer);
  if (over || sending || token === "") return;
  const asked = token;
  let wait = POLL_MS;
  try {
    const answer = await post("intake/look", "application/json", JSON.stringify({ token }));
    if (asked !== token || over || sending) return;
    wait = heard(answer);
  } catch {
    wait = 2 * POLL_MS;
    if (facts === null) close({ state: "away", say: "Keyturn does not answer.", next: "Check your connection." });
  }
  clearTimeout(timer);
  if (wait > 0 && document.visibilityState === "visible") timer = setTimeout(() => void look(), wait);
}

/** @returns milliseconds until the next look; 0: none */
function heard(answer) {
  if (answer.ok) {
    facts = answer;
    heardAt = performance.now();
    showOpen(answer);
    tick();
    return POLL_MS;
  }
  const passing = ["too_often", "failed", "busy"].includes(answer.state);
  const wait = answer.state === "too_often" ? SLOW_MS : 2 * POLL_MS;
  // Somebody who is at work is not interrupted by what passes.
  if (passing && facts !== null) return wait;
  close(answer);
  // Signing in happens in another tab; this one sees it when it is looked at again.
  return passing || answer.state === "sign_in" ? wait : 0;
}

function close(answer) {
  facts = null;
  showClosed(answer);
}

function tick() {
  if (facts === null || document.visibilityState !== "visible") return;
  showTimes(Date.parse(facts.expiresAt), Date.parse(facts.now) + (performance.now() - heardAt));
}

function busy(now) {
  sending = now;
  // Not `disabled`: the focus would be lost.
  $("send").setAttribute("aria-disabled", String(now));
  say("sending", now ? "Checking the key. For a fresh one this may take a minute …" : "");
}

async function send() {
  if (sending || over || facts === null) return;
  const field = $("key");
  if (field.value.trim() === "") {
    showProblem({ say: "There is no key in the field.", next: "Paste the key that you created in step 1." });
    return;
  }
  hideProblem();
  busy(true);
  clearTimeout(timer);
  const head = { token, acceptExpiry: $("accept-expiry").checked, replace: $("replace").checked };
  const chosen = $("choose-key").hidden ? "" : $("key-id").value;
  if (chosen !== "") head.keyId = chosen;
  let answer;
  try {
    // One line of JSON, then the key as it is: see framed-body.ts.
    answer = await post("intake", "application/octet-stream", new Blob([`${JSON.stringify(head)}\n`, field.value]));
  } catch {
    answer = {
      state: "failed",
      say: "Keyturn does not answer.",
      next: "Check your connection, then send the key again: doing so is safe.",
    };
  }
  busy(false);
  settle(answer);
}

function settle(answer) {
  if (answer.ok) {
    over = true;
    token = "";
    facts = null;
    history.replaceState(null, "", location.pathname);
    showDone(answer);
    return;
  }
  if (answer.state === "refused" && answer.attemptsLeft > 0) {
    if (!answer.keep) $("key").value = "";
    showProblem(answer);
  } else if (answer.state === "refused") {
    close({ say: answer.say, next: `${answer.next} This link has ended: ask for another one in Slack.` });
    return;
  } else if (["failed", "busy", "too_often", "too_large", "not_text", "malformed"].includes(answer.state)) {
    showProblem(answer);
  } else {
    close(answer);
    if (answer.state !== "sign_in") return;
  }
  void look();
}

async function copyName() {
  try {
    await navigator.clipboard.writeText($("name").textContent);
    say("copied", "Copied");
  } catch {
    getSelection().selectAllChildren($("name"));
    say("copied", "Selected: copy it now");
  }
  setTimeout(() => say("copied", ""), 4000);
}

/** A one-line field joins lines silently; two keys in one would be a riddle to everybody. */
function onPaste(event) {
  const text = event.clipboardData?.getData("text/plain").trim() ?? "";
  if (!/[\r\n]/.test(text)) return;
  event.preventDefault();
  showProblem({ say: "You pasted more than one line.", next: "Copy the key alone, with the Console’s copy button." });
}

function reveal() {
  const shown = !$("key").classList.toggle("masked");
  $("reveal").setAttribute("aria-pressed", String(shown));
}

function begin() {
  token = location.hash.slice(1);
  over = false;
  facts = null;
  $("key").value = "";
  hideProblem();
  if (token === "") {
    close({
      say: "This page needs the whole link.",
      next: "Open the newest link from your messages in Slack, or ask for another one there.",
    });
    return;
  }
  view("loading");
  void look();
}

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  void send();
});
$("key").addEventListener("paste", onPaste);
$("key").addEventListener("input", hideProblem);
$("reveal").addEventListener("click", reveal);
$("copy").addEventListener("click", () => void copyName());
$("again").addEventListener("click", begin);
// Another link that is opened in this tab changes the fragment alone.
addEventListener("hashchange", begin);
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") void look();
  else clearTimeout(timer);
});
// A page that the browser froze and brings back must not show what it held.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
setInterval(tick, 1000);
begin();

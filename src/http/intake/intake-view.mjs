/*
 * What stands on the page. Text becomes text only: no HTML is ever made of it.
 */
/** Times are sent as RFC 3339 UTC; people read their own. */
const human = (text) =>
  text.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, (time) =>
    new Date(time).toLocaleString([], { dateStyle: "medium", timeStyle: "short" }),
  );
const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

const VIEWS = ["loading", "closed", "open", "done"];

export const $ = (id) => document.getElementById(id);
export const show = (id, wanted) => {
  $(id).hidden = !wanted;
};
/** Leaves a text that is right alone, so that screen readers hear of changes only. */
export const say = (id, text) => {
  if ($(id).textContent !== text) $(id).textContent = text;
};
export const view = (name) => VIEWS.forEach((each) => show(each, each === name));
const linkTo = (id, path) => {
  show(id, Boolean(path));
  if (path) $(id).href = path;
};

/** The link is of no use, now or for good. */
export function showClosed({ state, say: what, next, handedOver, rotationPath, signIn }) {
  const changed = $("closed").hidden || $("closed-say").textContent !== human(what);
  $("key").value = "";
  say("closed-say", human(what));
  say("closed-next", next);
  show("closed-handed", Boolean(handedOver));
  say("closed-hint", handedOver ?? "");
  linkTo("closed-rotation", rotationPath);
  show("closed-sign-in", state === "sign_in" && Boolean(signIn));
  if (signIn) $("sign-in").href = signIn;
  show("closed-again", ["failed", "away", "too_often"].includes(state));
  document.title = "Hand over a key · Keyturn";
  view("closed");
  if (changed) $("closed-say").focus();
}

const KINDS = {
  workspace: "Workspace key, without a linked account",
  person: "Linked to a person’s account",
  service_account: "Linked to a service account",
};

/** What to create where, and what has appeared. */
export function showOpen(facts) {
  const subject = facts.target ?? facts.outgoing.name;
  say("target", subject);
  say("outgoing-name", facts.outgoing.name);
  say("outgoing-hint", facts.outgoing.hint ?? "");
  show("outgoing-hint", facts.outgoing.hint !== null);
  show("compromised", facts.compromised);
  show("proven", !facts.compromised);
  say("name", facts.suggestedName);
  say("naming", facts.nameRequired ? "Exactly this name: another one is refused." : "");
  say("workspace", facts.allWorkspaces ? "None, like the old key" : (facts.workspaceId ?? "Default"));
  say("kind", KINDS[facts.owner] ?? "Like the old one");
  say("command", `keyturn submit ${facts.rotation}`);
  if ($("console").href !== facts.consoleUrl) $("console").href = facts.consoleUrl;
  showAppeared(facts.newKeys ?? []);
  fillKeys(facts.newKeys ?? []);
  if (!$("open").hidden) return;
  document.title = `A new key for ${subject} · Keyturn`;
  view("open");
}

/** Whatever appeared since the approval, told once per change and not at each look. */
function showAppeared(keys) {
  const fresh = keys.filter((key) => key.sinceApproval).slice(0, 3);
  const box = $("appeared");
  const now = fresh.map((key) => key.id).join();
  box.classList.toggle("elsewhere", fresh.length > 0 && fresh.every((key) => key.otherWorkspace));
  if (now !== (box.dataset.keys ?? "")) {
    box.dataset.keys = now;
    box.replaceChildren(...fresh.map((key) => lineAbout(key, fresh.length)));
  }
}

function lineAbout(key, count) {
  const line = document.createElement("p");
  const name = document.createElement("strong");
  name.textContent = key.name;
  const ago = document.createElement("span");
  ago.className = "number";
  ago.dataset.since = key.createdAt;
  // Changes every second: a screen reader is told once, and without it.
  ago.setAttribute("aria-hidden", "true");
  line.append("A key named ", name);
  if (key.hint !== null) {
    const hint = document.createElement("code");
    hint.className = "hint";
    hint.textContent = key.hint;
    line.append(" ", hint);
  }
  line.append(" was created ", ago);
  if (key.otherWorkspace) line.append(", but in another workspace. Create it again in the right one.");
  else line.append(count === 1 ? ": paste that one." : ".");
  return line;
}

/** The keys that a person may have to choose from, when a hint fits several. */
function fillKeys(keys) {
  const here = keys.filter((key) => !key.otherWorkspace);
  const select = $("key-id");
  const now = here.map((key) => key.id).join();
  if (select.dataset.keys === now) return;
  const chosen = select.value;
  select.dataset.keys = now;
  const named = here.map((key) => [key.id, `${key.name} · ${key.createdAt.slice(0, 10)} · …${key.id.slice(-6)}`]);
  select.replaceChildren(
    ...[["", "Choose …"], ...named].map(([value, text]) => {
      const option = document.createElement("option");
      option.value = value;
      option.textContent = text;
      return option;
    }),
  );
  select.value = here.some((key) => key.id === chosen) ? chosen : "";
}

/** The times that pass, by the server's clock. */
export function showTimes(expiresAt, now) {
  const left = Math.max(0, Math.ceil((expiresAt - now) / 1000));
  say("left", left >= 120 ? `${Math.ceil(left / 60)} minutes` : left === 1 ? "1 second" : `${left} seconds`);
  for (const ago of document.querySelectorAll("[data-since]"))
    ago.textContent = agoText(Math.max(0, Math.round((now - Date.parse(ago.dataset.since)) / 1000)));
}
function agoText(s) {
  if (s < 90) return `${s} s ago`;
  return s < 5400 ? `${Math.round(s / 60)} min ago` : `${Math.round(s / 3600)} h ago`;
}

const CHOICES = {
  acceptExpiry: { box: "choose-expiry", control: "accept-expiry" },
  replace: { box: "choose-replace", control: "replace" },
  keyId: { box: "choose-key", control: "key-id" },
};

/** What is wrong with the key, and what to do; the focus goes to where it is done. */
export function showProblem({ say: what, next, choice, attemptsLeft }) {
  say("problem-say", human(what));
  say("problem-next", next);
  const tries = `${attemptsLeft} ${attemptsLeft === 1 ? "try" : "tries"} left with this link.`;
  say("problem-left", attemptsLeft === undefined ? "" : tries);
  show("problem", true);
  $("key").setAttribute("aria-invalid", "true");
  const asked = CHOICES[choice];
  if (asked) show(asked.box, true);
  $(asked?.control ?? "key").focus();
}
export function hideProblem() {
  show("problem", false);
  $("key").removeAttribute("aria-invalid");
}

/** The end: nothing that was pasted stays on the page. */
export function showDone({ alreadyAccepted, warnings, key, rotationPath }) {
  $("key").value = "";
  if (alreadyAccepted) say("done-title", "This key was already accepted");
  show("done-key", key !== null);
  say("done-name", key?.name ?? "");
  say("done-hint", key?.hint ?? "");
  show("done-hint", Boolean(key?.hint));
  show("done-warnings", warnings.length > 0);
  const items = warnings.map((warning) => {
    const item = document.createElement("li");
    item.textContent = sentence(human(warning));
    return item;
  });
  $("warnings").replaceChildren(...items);
  linkTo("done-rotation", rotationPath);
  document.title = "The key was accepted · Keyturn";
  view("done");
  $("done-title").focus();
}

// Shows what is new without losing what a person is doing. Without this script the page works; it is only not live.
const EVERY_MS = 1000;
let revision = document.body.dataset.revision;

/** Whoever is in a dialog or has a menu in hand is left alone; the page catches up after. */
const isBusy = () => document.querySelector("#live .overlay") !== null || document.activeElement?.tagName === "SELECT";

async function catchUp() {
  const answer = await (await fetch("/revision", { cache: "no-store" })).text();
  if (answer === revision || isBusy()) return;
  const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
  const fresh = page.querySelector("#live");
  if (fresh === null || isBusy()) return;
  const box = document.querySelector(".messages");
  const atEnd = box === null || box.scrollHeight - box.scrollTop - box.clientHeight < 40;
  const top = box?.scrollTop ?? 0;
  document.querySelector("#live")?.replaceWith(fresh);
  revision = page.body.dataset.revision;
  const now = document.querySelector(".messages");
  if (now !== null) now.scrollTop = atEnd ? now.scrollHeight : top;
  const first = document.querySelector(".overlay [autofocus]");
  if (first instanceof HTMLElement) first.focus();
}

async function follow() {
  if (!document.hidden) await catchUp().catch(() => undefined);
  setTimeout(follow, EVERY_MS);
}

// A button with an address opens it; the app hears of the click as well.
document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("[data-click]") : null;
  const data = link?.getAttribute("data-click") ?? null;
  if (data !== null) navigator.sendBeacon("/click", new URLSearchParams(data));
});

// A click may take as long as the app's answer: once is enough.
document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (button instanceof HTMLButtonElement) setTimeout(() => (button.disabled = true));
});

const messages = document.querySelector(".messages");
if (messages !== null) messages.scrollTop = messages.scrollHeight;
void follow();

// The queue page and the page for serving. Both are plain forms, and this script sends them without leaving the page. Steps are
// sent in order, and a step without a connection is kept and sent later. Every form contains the state that the officer saw,
// so the server does nothing twice. A step that the server answers with an error is dropped with a message, and the steps
// after it go on.

const EVERY = 5_000;
const AGAIN = 3_000;
const HIDDEN = 14_000;
const PATIENCE = 10_000;
const KEPT = "queue.pressed";
const KEYS = "queue.keys";

const words = document.querySelector("#queue-words").dataset;
const ahead = Date.parse(words.now) - Date.now(); // of the server's clock: that of this computer may be wrong
const page = document.querySelector("#queue");
const board = document.querySelector("#queue-board");
const line = document.querySelector("#queue-connection");
// What was dropped stands here until the officer presses again: the answers to the steps behind it do not wipe it out.
const dropped = document.querySelector("#queue-dropped");
const news = document.querySelector("#queue-news");
const home = document.querySelector("[data-home]")?.dataset.home;
// The server behind these answers cannot be reached, so they are no answer to the step.
const UNREACHED = [502, 503, 504];
const MORPHED = ["queue-told", "queue-board", "serving"];

// Steps

const pressed = JSON.parse(sessionStorage.getItem(KEPT) || "[]");
let sending = false;
let trouble = "";
let seen = "";
let looked = 0;

function keep() {
  sessionStorage.setItem(KEPT, JSON.stringify(pressed));
  sayConnection();
}

function press(form) {
  const typed = new FormData(form);
  typed.delete("csrfmiddlewaretoken");
  const body = new URLSearchParams(typed).toString();
  if (!pressed.some((one) => one.url === form.action && one.body === body)) pressed.push({ url: form.action, body, label: form.dataset.label });
  form.dataset.pressed = "";
  dropped.replaceChildren();
  if (form.dataset.step === "walk-in") renew(form);
  keep();
  send();
}

function renew(form) {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  form.reset();
  form.elements.code.value = btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  form.closest("details").open = false;
  form.closest("details").querySelector("summary").focus();
}

async function send() {
  if (sending) return;
  sending = true;
  let failed = false;
  try {
    while (pressed.length) {
      const [answer, html] = await sent(pressed[0]);
      if (!answer) break;
      if (answer.redirected) return sign();
      const done = pressed.shift();
      failed ||= !answer.ok;
      take(answer, html, done);
      keep();
    }
  } finally {
    sending = false;
  }
  if (pressed.length) setTimeout(send, AGAIN);
  else if (failed) look();
}

/** Returns the server's answer and its HTML. Without a connection there is no answer, and the step has to wait. */
async function sent({ url, body: kept }) {
  const body = new URLSearchParams(kept);
  body.set("csrfmiddlewaretoken", document.querySelector("[name=csrfmiddlewaretoken]").value);
  try {
    const headers = { "X-Requested-With": "queue" };
    const answer = await fetch(url, { method: "POST", headers, body, signal: AbortSignal.timeout(PATIENCE) });
    if (UNREACHED.includes(answer.status)) throw new Error(answer.status);
    const html = answer.ok ? await answer.text() : "";
    if (!answer.redirected) say("");
    return [answer, html];
  } catch {
    say("lost");
    return [null, ""];
  }
}

function take(answer, html, done) {
  const [go, isRefused] = [answer.headers.get("X-Go"), answer.headers.get("X-Refused")];
  const fresh = new DOMParser().parseFromString(html, "text/html");
  show(fresh);
  if (!answer.ok || isRefused) return drop(done, answer);
  follow(done, answer.headers.get("X-Seen"));
  // The served citizen has left this desk, so the page for serving is closed.
  const next = go ?? (page || fresh.getElementById("serving") ? null : home);
  if (next && !pressed.length) leave(next);
}

function leave(address) {
  keep();
  location.assign(address);
}

/** Updates the later steps on the same ticket: they were made before this answer, and build on its result. */
function follow(done, now) {
  const before = new URLSearchParams(done.body);
  if (!now || !before.get("ticket")) return;
  for (const one of pressed) {
    const form = new URLSearchParams(one.body);
    if (form.get("ticket") === before.get("ticket") && form.get("seen") === before.get("seen")) {
      form.set("seen", now);
      one.body = form.toString();
    }
  }
}

/** After a refusal or an error, drops the later steps on the same ticket. They no longer make sense. */
function drop(done, answer) {
  for (const form of document.querySelectorAll("form[data-pressed]")) if (form.action === done.url) delete form.dataset.pressed;
  const ticket = new URLSearchParams(done.body).get("ticket");
  const lost = pressed.filter((one) => ticket && new URLSearchParams(one.body).get("ticket") === ticket);
  for (const one of lost) pressed.splice(pressed.indexOf(one), 1);
  const text = [!answer.ok && `${done.label}: ${reason(answer.status)}`, lost.length && `${words.dropped} ${lost.map((one) => one.label).join(", ")}`];
  dropped.append(...text.filter(Boolean).map((one) => Object.assign(sentence(one), { className: "note note--warn" })));
}

function reason(status) {
  if (status >= 500) return words.broken;
  return status === 403 ? words.forbidden : words.failed;
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("form[data-step]")) return;
  event.preventDefault();
  press(form);
});

// The connection

/** Says what is wrong: the connection is "lost", the line is "old" because of an error, "signedOut", or nothing (""). */
function say(what) {
  trouble = what;
  sayConnection();
}

const isLost = () => trouble === "lost";

function sayConnection() {
  document.documentElement.classList.toggle("is-lost", isLost());
  const keeps = ["lost", "signedOut"].includes(trouble) && pressed.length;
  const waiting = keeps ? `${words.pending} ${pressed.map((one) => one.label).join(", ")}` : "";
  const text = trouble ? words[trouble] : "";
  if (line.dataset.text === text + waiting) return;
  line.dataset.text = text + waiting;
  line.replaceChildren(...[text, waiting].filter(Boolean).map(sentence));
  if (trouble === "signedOut") line.append(made("a", words.reload, { href: location.href }));
  else if (waiting) line.append(made("button", words.drop, { type: "button", onclick: dropLast }));
}

function made(tag, text, more) {
  return Object.assign(document.createElement(tag), { className: "staff-button staff-button--quiet", textContent: text, ...more });
}

function sentence(text) {
  return Object.assign(document.createElement("p"), { textContent: text });
}

function dropLast() {
  // The first step may already be on its way.
  if (pressed.length > (sending ? 1 : 0)) pressed.pop();
  keep();
}

function sign() {
  say("signedOut");
  clearInterval(polling);
}

const warn = (event) => pressed.length && event.preventDefault();
window.addEventListener("beforeunload", warn);
window.addEventListener("offline", () => say("lost"));
window.addEventListener("online", () => (send(), look()));

// The page

const isOpen = (node) => node.closest?.("details[open], dialog[open]");
const callbacks = {
  // Open and closed parts stay as they are, and so does the input in them.
  beforeAttributeUpdated: (name, node) =>
    !(name === "open" || (["value", "checked"].includes(name) && node.type !== "hidden" && node.matches("input, textarea") && isOpen(node))),
  beforeNodeMorphed: (old) => !(old.matches?.("select") && isOpen(old) && old.options.length > 1),
};

function show(fresh) {
  for (const id of MORPHED) {
    const [old, now] = [document.getElementById(id), fresh.getElementById(id)];
    if (old && now) morph(old, now.innerHTML);
  }
}

function morph(old, html) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  Idiomorph.morph(old, html, { morphStyle: "innerHTML", ignoreActiveValue: true, callbacks });
  if (focused && !focused.isConnected) document.querySelector("#desk-title")?.focus({ preventScroll: true });
  settle();
}

function settle() {
  for (const select of document.querySelectorAll("select[data-options-of]")) {
    const whole = document.getElementById(select.dataset.optionsOf);
    if (whole && select.options.length < 2) select.append(...[...whole.options].slice(1).map((one) => one.cloneNode(true)));
  }
  tick();
  count();
}

// Changes by other officers, the kiosk and the clock

/** Asks for the line. A hidden page asks more seldom: it still rings when somebody waits at a video call. */
async function look() {
  if (!page || sending || pressed.length) return;
  if (document.hidden && performance.now() - looked < HIDDEN) return;
  looked = performance.now();
  try {
    const answer = await fetch(`${page.dataset.poll}&seen=${encodeURIComponent(seen)}`, { signal: AbortSignal.timeout(PATIENCE) });
    if (answer.status === 403) return sign();
    if (UNREACHED.includes(answer.status)) throw new Error(answer.status);
    say(answer.ok ? "" : "old");
    if (!answer.ok || answer.status === 204) return;
    const html = await answer.text();
    if (sending || pressed.length) return;
    seen = answer.headers.get("X-State");
    morph(board, html);
  } catch {
    say("lost");
  }
}

const polling = setInterval(look, EVERY);
document.addEventListener("visibilitychange", look);

// Minutes, the ten seconds of "Undo", and the number of waiting citizens

function tick() {
  for (const node of document.querySelectorAll("[data-since]")) {
    const minutes = Math.max(0, Math.floor((Date.now() + ahead - Date.parse(node.dataset.since)) / 60_000));
    node.textContent = `${minutes} ${words.minutes}`;
  }
}

let undone = { bar: null, until: 0 };

function countDown() {
  const bar = document.querySelector(".undo");
  if (!bar) return;
  const id = bar.querySelector("[name=seen]").value;
  if (undone.bar !== id) undone = { bar: id, until: performance.now() + bar.dataset.seconds * 1000 };
  const left = (undone.until - performance.now()) / 1000;
  bar.querySelector("progress").value = left;
  bar.querySelector(".undo__left").textContent = Math.ceil(left);
  if (left > 0 || isLost()) return;
  const hadFocus = bar.contains(document.activeElement);
  bar.remove();
  if (hadFocus) document.querySelector("#desk-title")?.focus({ preventScroll: true });
}

let waiting = null;

/** Announces arrivals to screen readers, but not every call. */
function count() {
  const now = Number(document.querySelector(".board")?.dataset.waiting ?? 0);
  if (waiting !== null && now > waiting) news.textContent = `${words.waiting}: ${now}`;
  waiting = now;
}

setInterval(tick, 15_000);
setInterval(countDown, 250);

// Keys

const dialog = document.querySelector("#queue-keys");
const switchKeys = document.querySelector("#queue-keys-on");
const opener = document.querySelector("#queue-keys-open");

const areOn = () => localStorage.getItem(KEYS) !== "off";

function showKeys() {
  switchKeys.checked = areOn();
  document.documentElement.classList.toggle("has-keys", areOn());
}

switchKeys.addEventListener("change", () => {
  localStorage.setItem(KEYS, switchKeys.checked ? "on" : "off");
  showKeys();
});
opener?.addEventListener("click", () => dialog.showModal());
if (opener) opener.hidden = false;

/** Returns the Latin letter on the key, also with a Greek layout. */
function letter(event) {
  if (/^[a-z?]$/i.test(event.key)) return event.key.toLowerCase();
  return event.code.startsWith("Key") ? event.code.slice(3).toLowerCase() : "";
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || !areOn()) return;
  if (event.target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable], dialog")) return;
  const key = letter(event);
  if (!key) return;
  if (key === "?") return void dialog.showModal();
  if (key === "u" && isLost() && pressed.length) return dropLast();
  const button = [...document.querySelectorAll(`[data-key="${key}"]`)].find((one) => isReady(one));
  if (!button) return;
  event.preventDefault();
  button.focus({ preventScroll: true });
  button.click();
});

/** Returns whether a step can be used. A hidden one can, while others are on their way: "next" right after "done". */
function isReady(button) {
  const form = button.closest("form");
  return !form?.hidden || pressed.length > 0;
}

// When "Forward" or "New ticket" opens, its first field gets the focus. Escape closes it again.
document.addEventListener(
  "toggle",
  (event) => {
    if (event.target.matches?.(".drop[open]")) event.target.querySelector("select, input:not([type=hidden])")?.focus();
  },
  true,
);
document.addEventListener("keydown", (event) => {
  const drop = event.key === "Escape" && event.target.closest?.(".drop[open]");
  if (!drop) return;
  drop.open = false;
  drop.querySelector("summary").focus();
});

showKeys();
settle();
countDown();
send();

// The queue page and the page for serving. Both are plain forms, and this script sends them without leaving the page. Steps are
// sent in order, and a step without a connection is kept and sent later. Every form contains the state that the officer saw,
// so the server does nothing twice.

const EVERY = 5_000;
const AGAIN = 3_000;
const PATIENCE = 10_000;
const KEPT = "queue.pressed";
const KEYS = "queue.keys";

const words = document.querySelector("#queue-words").dataset;
const page = document.querySelector("#queue");
const board = document.querySelector("#queue-board");
const line = document.querySelector("#queue-connection");
const news = document.querySelector("#queue-news");
const home = document.querySelector("[data-home]")?.dataset.home;
const MORPHED = ["queue-told", "queue-board", "serving"];

// Steps

const pressed = JSON.parse(sessionStorage.getItem(KEPT) || "[]");
let sending = false;
let isLost = false;
let seen = "";

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
  while (pressed.length) {
    const answer = await sent(pressed[0]);
    if (!answer) break;
    if (answer.redirected) return sign();
    const done = pressed.shift();
    await take(answer, done);
    keep();
  }
  sending = false;
  if (pressed.length) setTimeout(send, AGAIN);
}

/** Returns the server's answer, or null if there is none and the step has to wait. */
async function sent({ url, body: kept }) {
  const body = new URLSearchParams(kept);
  body.set("csrfmiddlewaretoken", document.querySelector("[name=csrfmiddlewaretoken]").value);
  try {
    const headers = { "X-Requested-With": "queue" };
    const answer = await fetch(url, { method: "POST", headers, body, signal: AbortSignal.timeout(PATIENCE) });
    if (answer.status >= 500) throw new Error(answer.status);
    lose(false);
    return answer;
  } catch {
    lose(true);
    return null;
  }
}

async function take(answer, done) {
  const [go, isRefused] = [answer.headers.get("X-Go"), answer.headers.get("X-Refused")];
  const fresh = new DOMParser().parseFromString(answer.ok ? await answer.text() : "", "text/html");
  show(fresh);
  if (!answer.ok || isRefused) return drop(done, !answer.ok);
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

/** After a refusal, drops the later steps on the same ticket. They no longer make sense. */
function drop(done, isUnknown) {
  const ticket = new URLSearchParams(done.body).get("ticket");
  const lost = pressed.filter((one) => ticket && new URLSearchParams(one.body).get("ticket") === ticket);
  for (const one of lost) pressed.splice(pressed.indexOf(one), 1);
  const text = [isUnknown && `${done.label}: ${words.failed}`, lost.length && `${words.dropped} ${lost.map((one) => one.label).join(", ")}`];
  const told = document.querySelector("#queue-told");
  for (const sentence of text.filter(Boolean)) {
    const note = document.createElement("p");
    note.className = "note note--warn";
    note.textContent = sentence;
    told.append(note);
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("form[data-step]")) return;
  event.preventDefault();
  press(form);
});

// The connection

function lose(is) {
  isLost = is;
  sayConnection();
}

function sayConnection() {
  document.documentElement.classList.toggle("is-lost", isLost);
  const waiting = isLost && pressed.length ? `${words.pending} ${pressed.map((one) => one.label).join(", ")}` : "";
  const text = isLost ? words.lost : "";
  if (line.dataset.text === text + waiting) return;
  line.dataset.text = text + waiting;
  line.replaceChildren();
  if (!isLost) return;
  line.append(sentence(text));
  if (!waiting) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "staff-button staff-button--quiet";
  button.textContent = words.drop;
  button.addEventListener("click", dropLast);
  line.append(sentence(waiting), button);
}

function sentence(text) {
  const made = document.createElement("p");
  made.textContent = text;
  return made;
}

function dropLast() {
  // The first step may already be on its way.
  if (pressed.length > (sending ? 1 : 0)) pressed.pop();
  keep();
}

function sign() {
  line.replaceChildren(sentence(words.signedOut));
  const link = document.createElement("a");
  link.href = location.href;
  link.className = "staff-button staff-button--quiet";
  link.textContent = words.reload;
  line.append(link);
  clearInterval(polling);
}

const warn = (event) => pressed.length && event.preventDefault();
window.addEventListener("beforeunload", warn);
window.addEventListener("offline", () => lose(true));
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

async function look() {
  if (!page || document.hidden || sending || pressed.length) return;
  try {
    const answer = await fetch(`${page.dataset.poll}&seen=${encodeURIComponent(seen)}`, { signal: AbortSignal.timeout(PATIENCE) });
    if (answer.status === 403) return sign();
    if (!answer.ok) throw new Error(answer.status);
    lose(false);
    if (answer.status === 204) return;
    const html = await answer.text();
    if (sending || pressed.length) return;
    seen = answer.headers.get("X-State");
    morph(board, html);
  } catch {
    lose(true);
  }
}

const polling = setInterval(look, EVERY);
document.addEventListener("visibilitychange", look);

// Minutes, the ten seconds of "Undo", and the number of waiting citizens

function tick() {
  for (const node of document.querySelectorAll("[data-since]")) {
    const minutes = Math.max(0, Math.floor((Date.now() - Date.parse(node.dataset.since)) / 60_000));
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
  if (left > 0 || isLost) return;
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
  if (key === "u" && isLost && pressed.length) return dropLast();
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

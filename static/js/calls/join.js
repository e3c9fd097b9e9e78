// The door of a video call. The page asks every few seconds what is so now, shows what is new, and goes into the room by
// itself when the officer lets the visitor in. It counts down by the server's clock: the browser's may be wrong.

const EARLY = 10; // seconds between two questions while the door is shut
const WAITING = 4; // the same while somebody waits
const PATIENCE = 10_000;
const ELSEWHERE = 1_500; // so long a hidden window lets another one go in first

const live = document.querySelector("#live");
const lost = document.querySelector("[data-lost]");
const title = document.title;
const windows = new BroadcastChannel(`call ${location.pathname}`);
let door = live.querySelector("#door");
let opens = after(door.dataset.left);
let next = 0;
let asking = false;
let gone = false;
let came = false;

function after(seconds) {
  return performance.now() + seconds * 1000;
}

async function ask() {
  if (asking || gone) return;
  asking = true;
  try {
    const answer = await fetch(`${location.pathname}?seen=${encodeURIComponent(door.dataset.seen)}`, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    if (answer.status === 404 || answer.redirected) return location.reload();
    if (lost) lost.hidden = answer.ok;
    if (answer.ok) opens = after(answer.headers.get("X-Left"));
    if (answer.status === 200) show(await answer.text());
  } catch {
    if (lost) lost.hidden = false;
  } finally {
    asking = false;
    next = after("open" in door.dataset ? (door.dataset.state.startsWith("early") ? EARLY : WAITING) : 60);
  }
}

function show(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").querySelector("#door");
  if (!fresh) return location.reload();
  const before = { ...door.dataset };
  const types = document.activeElement?.matches("input:not([readonly])");
  // What stands beside the door changes too. What somebody types stays.
  if (fresh.dataset.beside !== before.beside && !types) return location.reload();
  // An unchanged text is left alone, because a screen reader would read it again.
  const same = fresh.textContent === door.textContent && fresh.dataset.state === before.state;
  if (same || (types && door.contains(document.activeElement))) Object.assign(door.dataset, fresh.dataset);
  else {
    door.replaceWith(fresh);
    door = fresh;
  }
  if (door.dataset.go && door.dataset.go !== before.go) go();
  else if (!door.dataset.go) document.title = title;
  arrive();
}

/** Goes into the room. Of several windows, the one that is looked at goes. */
async function go() {
  document.title = `● ${live.dataset.called}`;
  if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.([400, 200, 400]);
  if (document.hidden) await new Promise((resolve) => setTimeout(resolve, ELSEWHERE));
  if (gone || !door.dataset.go) return;
  gone = true;
  windows.postMessage("gone");
  location.assign(door.dataset.go);
}

windows.addEventListener("message", () => {
  gone = true;
  document.title = title;
  live.append(Object.assign(document.createElement("p"), { className: "notice", textContent: live.dataset.elsewhere }));
});

/** Whoever looks at the page when the door opens is in the waiting room. Whoever has left the call comes back by a press. */
async function arrive() {
  const form = door.querySelector("form[data-arrive=outside]");
  if (!form || came || document.hidden) return;
  came = true;
  try {
    await fetch(location.pathname, { method: "POST", body: new FormData(form), signal: AbortSignal.timeout(PATIENCE) });
  } catch {
    came = false;
  }
  next = 0;
}

function tick() {
  const wait = door.querySelector("#wait");
  const left = Math.max(0, Math.ceil((opens - performance.now()) / 1000));
  if (wait) {
    const parts = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];
    const [first, ...rest] = parts[0] ? parts : parts.slice(1);
    wait.textContent = `${wait.dataset.label} ${[first, ...rest.map((part) => String(part).padStart(2, "0"))].join(":")}`;
    if (!left && next > after(1)) next = after(1);
  }
  if (performance.now() >= next) ask();
}

if ("open" in door.dataset) {
  const link = document.querySelector("#look-again");
  if (link) link.hidden = true;
  next = after(WAITING);
  new Worker(live.dataset.clock).addEventListener("message", tick);
  document.addEventListener("visibilitychange", () => document.hidden || ((next = 0), tick(), arrive()));
  arrive();
}
// A page that comes back from the browser's memory does not go into the room again.
window.addEventListener("pageshow", (event) => event.persisted && location.reload());

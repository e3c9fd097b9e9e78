// Keeps the place in the queue up to date: asks for changes, shows them, and alerts the citizen who is called.

let region = document.querySelector("[data-live]");
const lost = document.querySelector("[data-lost]");
const giveUp = document.querySelector("[data-give-up]");
const title = document.title;
let called = region?.dataset.called;

let timer;

async function ask() {
  try {
    const answer = await fetch(`${region.dataset.live}?seen=${encodeURIComponent(region.dataset.seen)}`, { cache: "no-store" });
    if (answer.status === 404) return location.reload();
    if (answer.status === 200) show(await answer.text());
    if (lost) lost.hidden = answer.ok;
  } catch {
    if (lost) lost.hidden = false;
  }
  plan();
}

function show(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").querySelector("[data-live]");
  if (!fresh) return location.reload();
  if (fresh.dataset.go) return location.assign(fresh.dataset.go);
  // Unchanged text is left alone, because a screen reader would read it again.
  if (fresh.textContent === region.textContent) region.dataset.seen = fresh.dataset.seen;
  else {
    region.replaceWith(fresh);
    region = fresh;
  }
  if (fresh.dataset.called && fresh.dataset.called !== called) call(fresh);
  else if (!fresh.dataset.called) document.title = title;
  called = fresh.dataset.called;
  if (giveUp) giveUp.hidden = !("open" in fresh.dataset);
}

function call(fresh) {
  document.title = `● ${fresh.querySelector(".turn__call")?.textContent ?? title}`;
  if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.([400, 200, 400, 200, 400]);
}

function plan() {
  clearTimeout(timer);
  if ("open" in region.dataset) timer = setTimeout(ask, region.dataset.every * 1000 * (document.hidden ? 3 : 1));
}

if (region) {
  plan();
  document.addEventListener("visibilitychange", () => document.hidden || !("open" in region.dataset) || ask());
}

// The door of a video call opens, closes and moves while somebody waits: ask every ten seconds, change only what is new.

const EVERY = 10_000;
const door = document.querySelector("#door");
const link = document.querySelector("#look-again");

async function look() {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("#door");
    if (!fresh) return;
    if (fresh.textContent.trim() !== last) show(fresh);
  } catch {
    // The network is away for a moment: the next look finds it.
  }
}

function show(fresh) {
  last = fresh.textContent.trim();
  door.replaceChildren(...fresh.childNodes);
  door.dataset.state = fresh.dataset.state;
}

let last = door.textContent.trim();
if (link) {
  link.hidden = true;
  setInterval(look, EVERY);
  document.addEventListener("visibilitychange", look);
}

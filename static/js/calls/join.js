// The door of a video call opens, closes and moves while somebody waits: look every ten seconds, change only what is new.

const EVERY = 10_000;
const door = document.querySelector("#door");
const link = document.querySelector("#look-again");

async function look() {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.href);
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("#door");
    if (fresh) show(fresh);
  } catch {
    // The network is away for a moment: the next look finds it.
  }
}

function show(fresh) {
  const [wait, freshWait] = [door, fresh].map((part) => part.querySelector("#wait"));
  if (fresh.dataset.state !== door.dataset.state || !wait !== !freshWait) {
    door.dataset.state = fresh.dataset.state;
    door.replaceChildren(...fresh.childNodes);
  } else if (wait) {
    wait.textContent = freshWait.textContent;
  }
}

if (link) {
  link.hidden = true;
  setInterval(look, EVERY);
  document.addEventListener("visibilitychange", look);
}

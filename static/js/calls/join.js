// A video room opens, closes and moves while the citizen waits. The page looks every ten seconds and changes only new parts.

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
    // The network is away for a moment. The next look tries again.
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

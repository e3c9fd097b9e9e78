// Keeps a page of numbers up to date: asks every 15 seconds (or `data-every`) while the tab is visible, and shows failures.

const live = document.querySelector("[data-watch]");
const PAUSE = 1000 * (live.dataset.every ?? 15);
const lost = document.querySelector("[data-lost]");

function show(html) {
  const open = [...live.querySelectorAll("details[open]")].map((one) => one.id);
  const focused = live.contains(document.activeElement) && document.activeElement.getAttribute("href");
  live.innerHTML = html;
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  if (focused) live.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

async function ask() {
  if (document.hidden) return;
  try {
    const answer = await fetch(`${live.dataset.watch}&seen=${live.dataset.seen}`, { redirect: "error" });
    if (answer.status === 200) {
      show(await answer.text());
      live.dataset.seen = answer.headers.get("X-Seen");
    }
    lost.hidden = answer.ok;
  } catch {
    lost.hidden = false;
  }
}

setInterval(ask, PAUSE);
document.addEventListener("visibilitychange", ask);

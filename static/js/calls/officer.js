// Keeps the door of one call up to date on officers' pages, and leads the officer into the room after letting somebody in.

const EVERY = 3_000;
const PATIENCE = 10_000;

const live = document.querySelector("#call-live");
const lost = document.querySelector("#call-lost");
const enter = document.querySelector("[data-enter]");
let asking = false;

async function look() {
  if (asking) return;
  asking = true;
  try {
    const panel = live.querySelector("#call-panel");
    const answer = await fetch(`${live.dataset.poll}?seen=${encodeURIComponent(panel.dataset.seen)}`, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    if (answer.redirected) return location.reload();
    lost.hidden = answer.ok;
    if (answer.status === 200) Idiomorph.morph(live, await answer.text(), { morphStyle: "innerHTML", ignoreActiveValue: true, callbacks: { beforeAttributeUpdated: keep } });
  } catch {
    lost.hidden = false;
  } finally {
    asking = false;
  }
}

/** What somebody has typed or chosen stays. */
function keep(name, node) {
  return !(name === "value" && node.matches("input[type=text]"));
}

if (enter) {
  history.replaceState(null, "", location.pathname);
  location.assign(enter.dataset.enter);
}
if (live) setInterval(look, EVERY);

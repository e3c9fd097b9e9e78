// The calendar by keyboard: Tab stops once at the appointments and once at the free hours. Arrow keys move within each.

const DAY = 1440; // minutes
const root = document.querySelector("#calendar");
const { move } = JSON.parse(document.querySelector("#calendar-options").textContent);
const KINDS = ["appointment__link", "hour__free"];
const links = (kind) =>
  [...root.querySelectorAll(`.${kind}`)].sort(
    (one, other) => one.dataset.column - other.dataset.column || one.dataset.minute - other.dataset.minute,
  );

function rove(focused) {
  for (const kind of KINDS) {
    const all = links(kind);
    const before = all.find((link) => link.id === focused);
    stopAt(before ?? all[0], all);
    before?.focus({ preventScroll: true });
  }
}

function stopAt(chosen, all) {
  for (const link of all) link.tabIndex = link === chosen ? 0 : -1;
}

const STEPS = {
  ArrowDown: (all, at) => all[at + 1],
  ArrowUp: (all, at) => all[at - 1],
  Home: (all) => all[0],
  End: (all) => all.at(-1),
  ArrowRight: (all, at) => beside(all, all[at], 1),
  ArrowLeft: (all, at) => beside(all, all[at], -1),
};

/** Returns the link nearest in time, in the next column that is not empty. */
function beside(all, from, way) {
  const further = all.filter((link) => (link.dataset.column - from.dataset.column) * way > 0);
  const column = (way > 0 ? further[0] : further.at(-1))?.dataset.column;
  const far = (link) => Math.abs(link.dataset.minute - from.dataset.minute) % DAY;
  return further.filter((link) => link.dataset.column === column).sort((one, other) => far(one) - far(other))[0];
}

function pressed(event) {
  const link = event.target.closest("[data-minute]");
  if (!link || event.ctrlKey || event.metaKey || event.altKey) return;
  const reference = link.id.startsWith("appointment-") && link.id.slice("appointment-".length);
  if (event.code === "KeyM" && reference) location.href = move.replace("REFERENCE", reference);
  const step = STEPS[event.key];
  if (!step) return;
  event.preventDefault();
  const all = links(link.classList[0]);
  const next = step(all, all.indexOf(link));
  if (!next) return;
  stopAt(next, all);
  next.focus();
  next.scrollIntoView({ block: "nearest", inline: "nearest" });
}

root?.addEventListener("keydown", pressed);
root?.addEventListener("drawn", (event) => rove(event.detail));

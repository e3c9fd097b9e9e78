// The page after a booking. While the address has still to be confirmed, it asks whether that has changed: the mail came
// back, or its link was followed in another window.

const shown = document.querySelector("[data-seen]");
const EVERY = 5000; // milliseconds
const LONGEST = 30 * 60 * 1000; // nothing is waited for so long

async function ask() {
  if (!document.hidden) {
    try {
      const answer = await fetch(`${location.pathname}?seen=${encodeURIComponent(shown.dataset.seen)}`, { cache: "no-store" });
      if (answer.status === 200) return location.reload();
    } catch {
      // no connection at the moment
    }
  }
  if (performance.now() < LONGEST) setTimeout(ask, EVERY);
}

if (shown) setTimeout(ask, EVERY);

// The pages of a booking. Sends the reader's time zone to the server, so that reminders do not come at night, shows a
// message when the held time has expired, and keeps what was typed when the reader leaves the details without sending them.

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const secure = location.protocol === "https:" ? "; secure" : "";
if (zone) document.cookie = `timezone=${zone}; path=/; samesite=lax${secure}`;

for (const notice of document.querySelectorAll("[data-until]")) {
  // By the server's clock: that of the reader may be wrong.
  const left = new Date(notice.dataset.until) - new Date(notice.dataset.now);
  setTimeout(() => {
    notice.classList.add("notice--warning");
    notice.setAttribute("role", "status");
    notice.querySelector("[data-kept]").textContent = notice.dataset.over;
  }, Math.max(left, 0));
}

const details = document.getElementById("details");
if (details) {
  const typed = () => new URLSearchParams(new FormData(details)).toString();
  let kept = typed();
  let sent = false; // a form was sent: this one is kept by that, and "Clear and leave" wants nothing kept
  const keep = () => {
    if (sent || typed() === kept) return;
    kept = typed();
    const content = new FormData(details);
    content.set("keep", "yes");
    navigator.sendBeacon(location.pathname, content);
  };
  document.addEventListener("submit", () => { sent = true; });
  addEventListener("pageshow", () => { sent = false; });
  addEventListener("pagehide", keep);
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") keep(); });
}

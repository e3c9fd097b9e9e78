// The pages of a booking. Sends the reader's time zone to the server, so that reminders do not come at night, and shows a
// message when the held time has expired.

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const secure = location.protocol === "https:" ? "; secure" : "";
if (zone) document.cookie = `timezone=${zone}; path=/; samesite=lax${secure}`;

for (const notice of document.querySelectorAll("[data-until]")) {
  const left = new Date(notice.dataset.until) - Date.now();
  setTimeout(() => {
    notice.classList.add("notice--warning");
    notice.setAttribute("role", "status");
    notice.querySelector("[data-kept]").textContent = notice.dataset.over;
  }, Math.max(left, 0));
}

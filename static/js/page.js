// Improves every page: focus on the list of errors, one submit per click, the reader's own time beside the branch's.

document.querySelector(".govgr-error-summary")?.focus();

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});

// A page that comes back from the browser's memory may be sent again.
addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

const language = document.documentElement.lang;
const ownZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

function clock(moment, timeZone, options) {
  return new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone, ...options }).format(moment);
}

for (const element of document.querySelectorAll("time[data-zone]")) {
  const moment = new Date(element.dateTime);
  const day = { day: "numeric", month: "numeric" };
  if (clock(moment, ownZone, day) === clock(moment, element.dataset.zone, day)) continue;
  const sameDay = new Intl.DateTimeFormat(language, { ...day, timeZone: ownZone }).format(moment) ===
    new Intl.DateTimeFormat(language, { ...day, timeZone: element.dataset.zone }).format(moment);
  const own = clock(moment, ownZone, sameDay ? {} : { weekday: "short" });
  const note = document.createElement("small");
  note.className = "zone";
  note.textContent = "short" in element.dataset ? own : ` (${own} ${element.dataset.own})`;
  element.after(note);
}

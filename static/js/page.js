// Improves every page: focus on the list of errors, one submit per click, the reader's own time beside the branch's.

document.querySelector(".govgr-error-summary")?.focus();

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});

// A page from the browser's cache can be sent again.
addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

const language = document.documentElement.lang;
const ownZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

function clock(moment, timeZone, options) {
  return new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone, ...options }).format(moment);
}

// Each <time data-zone> is followed, in the same element, by a hidden [data-own] for the reader's own time.
for (const element of document.querySelectorAll("time[data-zone]")) {
  const note = element.parentElement.querySelector("[data-own]") ?? element.parentElement.parentElement.querySelector("[data-own]");
  const moment = new Date(element.dateTime);
  const day = { day: "numeric", month: "numeric" };
  if (!note || clock(moment, ownZone, day) === clock(moment, element.dataset.zone, day)) continue;
  const dayOf = (timeZone) => new Intl.DateTimeFormat("en", { ...day, timeZone }).format(moment);
  const own = clock(moment, ownZone, dayOf(ownZone) === dayOf(element.dataset.zone) ? {} : { weekday: "short" });
  note.textContent = note.dataset.own ? `${own} ${note.dataset.own}` : `(${own})`;
  note.hidden = false;
}
for (const legend of document.querySelectorAll("[data-own-note]")) {
  legend.hidden = !legend.parentElement.querySelector("[data-own]:not([hidden])");
}

// The page for serving: saves the input every few seconds, and proposes a note when a document is missing.

const EVERY = 3_000;

const words = document.querySelector("#queue-words").dataset;
let saved = null;
let proposed = "";

const form = () => document.querySelector("#result");
const typed = () => new URLSearchParams([...new FormData(form())].filter(([name]) => !["csrfmiddlewaretoken", "seen"].includes(name))).toString();

async function save() {
  if (!form() || form().matches("[data-pressed]")) return;
  const now = typed();
  saved ??= now;
  if (now === saved) return;
  const line = document.querySelector("#saved");
  try {
    const body = new URLSearchParams(new FormData(form()));
    const answer = await fetch(form().dataset.save, { method: "POST", headers: { "X-Requested-With": "queue" }, body });
    if (answer.status !== 204) throw new Error(answer.status);
    saved = now;
    line.textContent = `${words.saved} ${answer.headers.get("X-Saved")}`;
  } catch {
    line.textContent = words.unsaved;
  }
}

/** Proposes a note with the documents that are not ticked, unless the officer has written another note. */
function propose() {
  const note = form()?.elements.citizen_note;
  if (!note || (note.value.trim() && note.value !== proposed)) return;
  const missing = [...form().querySelectorAll("[name=documents_seen]:not(:checked)")].map((one) => `– ${one.dataset.told}`);
  const isMissing = form().elements.outcome.value === "missing" && missing.length;
  proposed = isMissing ? [note.closest("[data-lead]").dataset.lead, ...missing].join("\n") : "";
  note.value = proposed;
}

document.addEventListener("change", (event) => {
  if (event.target.matches("#result [name=outcome], #result [name=documents_seen]")) propose();
});
window.addEventListener("beforeunload", (event) => {
  if (form() && !form().matches("[data-pressed]") && saved !== null && typed() !== saved) event.preventDefault();
});
saved = form() ? typed() : null;
setInterval(save, EVERY);
document.addEventListener("visibilitychange", save);

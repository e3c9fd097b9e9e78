// Messages between the browsers. They are kept nowhere: who comes later, or reloads, does not see them.

import { tell, word } from "./words.js";

const panel = document.querySelector("#messages");
const log = document.querySelector("#log");
const form = document.querySelector("#write");
const badge = document.querySelector("#unread");
const note = document.querySelector("#unsent");
const MOST = 300;
let unread = 0;

export function received(name, text) {
  add(name, text);
  if (!panel.hidden) return;
  unread += 1;
  show();
  tell(word("wrote", { name, text }));
}

/** `send` returns whether anybody gets the text. What nobody gets stays in the field. */
export function whenWritten(send) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const field = form.elements.text;
    const text = field.value.trim();
    if (!text) return;
    note.hidden = send(text);
    if (!note.hidden) return;
    add(word("you"), text, true);
    field.value = "";
  });
}

function add(name, text, isOwn = false) {
  const who = Object.assign(document.createElement("b"), { textContent: name });
  const said = Object.assign(document.createElement("p"), { className: isOwn ? "said said--own" : "said" });
  said.append(who, document.createElement("br"), text);
  log.append(said);
  if (log.childElementCount > MOST) log.firstElementChild.remove();
  log.scrollTop = log.scrollHeight;
}

function show() {
  badge.hidden = !unread;
  badge.textContent = unread;
}

panel.addEventListener("open", () => {
  unread = 0;
  show();
});

// What opens beside the pictures: messages and devices. One at a time; Escape closes it.

const buttons = [...document.querySelectorAll("[data-opens]")];
const panelOf = (button) => document.getElementById(button.dataset.opens);

function set(button, isOpen) {
  button.setAttribute("aria-expanded", isOpen);
  panelOf(button).hidden = !isOpen;
  document.querySelector("#call").classList.toggle("call__room--beside", buttons.some((one) => !panelOf(one).hidden));
  panelOf(button).dispatchEvent(new Event(isOpen ? "open" : "close"));
}

function toggle(button) {
  const isOpen = panelOf(button).hidden;
  for (const other of buttons) if (other !== button && !panelOf(other).hidden) set(other, false);
  set(button, isOpen);
  (isOpen ? panelOf(button).querySelector("input, select, h2") : button).focus();
}

for (const button of buttons) {
  button.addEventListener("click", () => toggle(button));
  panelOf(button).querySelector(".panel__close").addEventListener("click", () => toggle(button));
}

document.addEventListener("keydown", (event) => {
  const open = buttons.find((button) => !panelOf(button).hidden);
  if (event.key === "Escape" && open && !document.querySelector("dialog[open]")) toggle(open);
});

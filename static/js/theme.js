// Does what the theme's markup asks for in attributes: open and close the menu, the filters and the actions of a page.
// The theme has Alpine.js for that, which evaluates the attributes as code. Here a few forms of them are read:
// `name = true`, `name = false`, `name = !name`; `name` and `!name`; and {'classes': name}.

const state = { sidebarMobileOpen: false, sidebarDesktopOpen: true, filterOpen: false, showActions: false };
// What lies over the page while it is open. The page behind it is then out of reach.
const panels = { sidebarMobileOpen: "#staff-nav", filterOpen: "#changelist-filter" };
const openers = {};
const all = (attribute) => document.querySelectorAll(`[${CSS.escape(attribute)}]`);
const is = (text) => (text.startsWith("!") ? !state[text.slice(1)] : state[text]);

function draw() {
  for (const element of all("x-show")) {
    const name = element.getAttribute("x-show").trim();
    if (name in state) element.style.display = state[name] ? "" : "none";
  }
  for (const element of all("x-bind:class")) {
    for (const [, classes, text] of element.getAttribute("x-bind:class").matchAll(/'([^']+)':\s*(!?\w+)/g)) {
      for (const one of classes.split(" ")) element.classList.toggle(one, Boolean(is(text)));
    }
  }
  for (const element of all("x-bind:aria-expanded")) {
    element.setAttribute("aria-expanded", is(element.getAttribute("x-bind:aria-expanded")));
  }
}

/** Does `name = value` of the attribute. Returns whether it was understood. */
function run(element, attribute) {
  const [, name, value] = /^\s*(\w+) = (true|false|!\w+)\s*$/.exec(element.getAttribute(attribute)) ?? [];
  if (!(name in state)) return false;
  set(name, value === "true" || (value !== "false" && is(value)));
  return true;
}

function set(name, value) {
  if (state[name] === value) return;
  const panel = document.querySelector(panels[name] ?? "#none");
  if (value) openers[name] = document.activeElement;
  state[name] = value;
  draw();
  if (!panel) return;
  for (let part = panel; part !== document.body; part = part.parentElement) {
    for (const other of part.parentElement.children) if (other !== part) other.inert = value;
  }
  (value ? panel.querySelector("a[href], button, input, select") : openers[name])?.focus();
}

function closePanels() {
  for (const name in panels) set(name, false);
}

document.addEventListener("click", (event) => {
  const pressed = event.target.closest("[x-on\\:click]");
  if (Object.values(panels).some((panel) => event.target.matches(panel))) closePanels(); // the shade beside its content
  for (const element of all("x-on:click.outside")) {
    if (!element.contains(event.target)) run(element, "x-on:click.outside");
  }
  if (pressed && run(pressed, "x-on:click") && pressed.matches("a")) event.preventDefault();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") closePanels();
  const search = document.querySelector("[x-ref=searchInput]");
  if (event.key === "/" && search && !event.target.closest("input, textarea, select, [contenteditable]")) {
    event.preventDefault();
    search.focus();
  }
  if (["Enter", " "].includes(event.key) && event.target.matches("a[role=button]:not([href])")) {
    event.preventDefault(); // the space bar would scroll
    event.target.click();
  }
});

// On a wide screen the menu lies beside the page.
matchMedia("(min-width: 1100px)").addEventListener("change", () => set("sidebarMobileOpen", false));

// The theme has links without an address for buttons: a keyboard does not reach them.
for (const link of document.querySelectorAll("a[x-on\\:click]:not([href])")) {
  link.setAttribute("role", "button");
  link.tabIndex = 0;
}
// A phone shows the heads of a list in its cells: with a capital letter, as the heads have.
for (const cell of all("data-label")) {
  const label = cell.dataset.label;
  cell.dataset.label = label.charAt(0).toUpperCase() + label.slice(1);
}
for (const element of all("x-cloak")) element.removeAttribute("x-cloak");
draw();

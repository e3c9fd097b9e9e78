// Suggests services, agencies and branches while one types: a combobox with a list, as in the ARIA Authoring Practices.
// Without this script the form searches on submit, as it still does here when no suggestion is chosen.

const PAUSE = 250;

for (const form of document.querySelectorAll("form[data-suggestions]")) improve(form, form.querySelector("input[name=q]"));

function improve(form, input) {
  const list = form.querySelector("[data-list]");
  const status = form.querySelector("[role=status]");
  let timer, request, active = -1;

  input.type = "text"; // a search field may not be a combobox
  for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id })) {
    input.setAttribute(name, value);
  }

  async function ask() {
    request?.abort();
    const query = input.value.trim();
    if (query.length < 2) return close();
    request = new AbortController();
    try {
      const answer = await fetch(`${form.dataset.suggestions}?${new URLSearchParams({ q: query })}`, { signal: request.signal });
      if (!answer.ok) return close();
      const { suggestions, count } = await answer.json();
      show(suggestions, count);
    } catch {
      close();
    }
  }

  function show(suggestions, count) {
    list.replaceChildren(...suggestions.map(option));
    status.textContent = count;
    choose(-1);
    open(suggestions.length > 0 && document.activeElement === input);
  }

  function option({ text, kind, url }, number) {
    const item = document.createElement("li");
    item.id = `${list.id}-${number}`;
    item.role = "option";
    item.className = "suggestions__option";
    item.dataset.url = url;
    item.append(Object.assign(document.createElement("span"), { textContent: text }));
    item.append(Object.assign(document.createElement("small"), { textContent: kind }));
    return item;
  }

  function open(isOpen) {
    list.hidden = !isOpen;
    input.setAttribute("aria-expanded", String(isOpen));
  }

  function close() {
    open(false);
    choose(-1);
    status.textContent = "";
  }

  function choose(number) {
    const options = [...list.children];
    active = options.length ? number : -1;
    options.forEach((item, place) => item.setAttribute("aria-selected", String(place === active)));
    if (active < 0) return input.removeAttribute("aria-activedescendant");
    input.setAttribute("aria-activedescendant", options[active].id);
    options[active].scrollIntoView({ block: "nearest" });
  }

  function move(by) {
    const number = list.children.length;
    if (!number) return;
    if (list.hidden) open(true);
    // One place before the first option is the field itself.
    choose(((active + 1 + by + number + 1) % (number + 1)) - 1);
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE);
  });
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "ArrowDown") move(1);
    else if (event.key === "ArrowUp") move(-1);
    else if (event.key === "Escape" && !list.hidden) close();
    else if (event.key === "Enter" && active >= 0 && !list.hidden) location.assign(list.children[active].dataset.url);
    else return;
    event.preventDefault();
  });
  input.addEventListener("blur", () => open(false));
  list.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
  list.addEventListener("click", (event) => {
    const item = event.target.closest("[data-url]");
    if (item) location.assign(item.dataset.url);
  });
  form.addEventListener("submit", () => {
    clearTimeout(timer);
    request?.abort();
  });
}

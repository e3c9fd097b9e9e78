// The page's texts in the reader's language: data attributes of #words. {name} and the like stand for what is filled in.

const words = document.querySelector("#words").dataset;

export function word(key, values = {}) {
  return words[key].replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

let pending;

/** Says something in a line that screen readers read out. It goes away by itself. */
export function tell(text) {
  const line = document.querySelector("#told");
  clearTimeout(pending);
  line.textContent = text;
  pending = setTimeout(() => (line.textContent = ""), 7_000);
}

// Improves the pages of the theme: focus on the list of errors, and names for its fields with search.

function name(select) {
  const label = select.labels[0];
  const field = select.nextElementSibling;
  if (!label || !field?.classList.contains("select2")) return;
  label.id ||= `label_${select.id}`;
  const chosen = field.querySelector(".select2-selection__rendered");
  chosen.setAttribute("aria-labelledby", label.id);
  field.querySelector(".select2-selection").setAttribute("aria-labelledby", `${label.id} ${chosen.id}`);
}

const nameAll = () => document.querySelectorAll("select.select2-hidden-accessible").forEach(name);

// The theme makes its fields in a ready handler of jQuery. A handler that is added later runs after them.
window.addEventListener("load", () => window.django?.jQuery?.(nameAll));

// The theme hides the whole page until its scripts have started, so the attribute `autofocus` comes too early.
window.addEventListener("load", () => document.querySelector(".error-list")?.focus());

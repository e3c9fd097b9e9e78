/* Gives the theme's search-and-choose fields the name of their label, which they leave out. */

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

// The theme makes its fields when jQuery says so: what is asked of jQuery last runs last.
window.addEventListener("load", () => window.django?.jQuery?.(nameAll));

// The choice of branches for a disruption: finds branches by any part of name, town or region, and counts the chosen ones.

const search = document.querySelector("#branches-search");
const found = document.querySelector("#branches-found");
const places = [...document.querySelectorAll(".branches__place")];
const folded = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replaceAll("ς", "σ");

function filter() {
  const words = folded(search.value).split(/\s+/).filter(Boolean);
  for (const place of places) {
    const region = folded(place.querySelector("summary").textContent);
    let shown = 0;
    for (const item of place.querySelectorAll("li")) {
      const text = `${region} ${folded(item.textContent)}`;
      item.hidden = !words.every((word) => text.includes(word));
      shown += !item.hidden;
    }
    place.hidden = !shown;
    if (words.length) place.open = true;
  }
}

function count() {
  const number = document.querySelectorAll(".branches__place input:checked").length;
  found.textContent = `${found.dataset.chosen}: ${number}`;
}

if (search) {
  search.closest("[hidden]").hidden = false;
  search.addEventListener("input", filter);
  search.form.addEventListener("change", count);
  count();
}

// Shows the effect of a form during input: the server makes the change, counts, and undoes it.

const PAUSE = 400;

for (const place of document.querySelectorAll("[data-preview]")) watch(place, place.closest("form"));

function watch(place, form) {
  let timer, request;

  async function look() {
    request?.abort();
    request = new AbortController();
    const { signal } = request;
    place.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(place.dataset.preview, { method: "POST", body: new FormData(form), signal });
      if (!answer.ok) throw new Error(answer.statusText);
      show(answer.status === 204 ? "" : await answer.text());
    } catch {
      if (signal.aborted) return;
      place.textContent = place.dataset.away;
    }
    place.removeAttribute("aria-busy");
  }

  // Unchanged words are not announced again.
  function show(markup) {
    if (place.innerHTML !== markup.trim()) place.innerHTML = markup.trim();
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(look, PAUSE);
  }

  // The theme's fields with search send their events only through jQuery.
  const jQuery = window.django?.jQuery;
  if (jQuery) jQuery(form).on("input change", later);
  else for (const kind of ["input", "change"]) form.addEventListener(kind, later);
}

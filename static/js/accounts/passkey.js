// Asks the browser for a passkey, and sends the answer with the form. `webauthnJSON` is from allauth's webauthn-json.js.

const DONE = { create: (options) => webauthnJSON.create(options), get: (options) => webauthnJSON.get(options) };

/** Returns what the server wants to know: from the page, or from the form's address when nobody is known yet. */
async function wanted(form) {
  if (form.dataset.options) return JSON.parse(document.getElementById(form.dataset.options).textContent);
  const answer = await fetch(form.action, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(answer.status);
  return answer.json();
}

async function ask(form, button) {
  const failed = form.querySelector("[data-failed]");
  failed.hidden = true;
  button.disabled = true;
  try {
    const options = await wanted(form);
    const answer = await DONE[form.dataset.passkey](options.creation_options ?? options.request_options);
    form.elements.credential.value = JSON.stringify(answer);
    form.submit();
  } catch {
    failed.hidden = false;
    button.disabled = false;
    button.focus();
  }
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const button = form.querySelector("button");
  const isPossible = webauthnJSON.supported();
  button.hidden = !isPossible;
  for (const one of document.querySelectorAll("[data-no-passkey]")) one.hidden = isPossible;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask(form, button);
  });
}

// Solves the puzzle that a guest's browser gets on a crowded day, with ALTCHA's worker, and then lets the reader go on. Without
// this script the page shows the way to sign in. Who presses the button too early goes on as soon as the puzzle is solved.

const form = document.getElementById("puzzle");
const button = form.querySelector("button");
const status = form.querySelector("[role=status]");
const challenge = JSON.parse(form.dataset.puzzle);
const number = Math.max(1, Math.min(4, navigator.hardwareConcurrency || 1));
const workers = [];
let wanted = false;
form.focus();

const end = (text) => {
  for (const worker of workers) worker.terminate();
  status.textContent = text;
};

const fail = () => {
  end(form.dataset.failed);
  button.hidden = true;
};

const solved = (solution) => {
  form.elements.proof.value = btoa(JSON.stringify({ challenge, solution }));
  end(form.dataset.solved);
  if (wanted) form.submit(); // the event has been: nobody has to look at it again
};

form.addEventListener("submit", (event) => {
  if (form.elements.proof.value) return;
  wanted = true;
  event.preventDefault();
});

// A page that comes back from the browser's memory holds a solution that was used already.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

if (window.Worker && window.isSecureContext) {
  button.hidden = false;
  status.textContent = form.dataset.working;
  for (let start = 0; start < number; start += 1) {
    const worker = new Worker(form.dataset.worker);
    worker.onmessage = ({ data }) => {
      if (form.elements.proof.value) return;
      if (data && data.derivedKey) solved(data);
      else fail();
    };
    worker.onerror = fail;
    worker.postMessage({ type: "work", challenge, counterStart: start, counterStep: number });
    workers.push(worker);
  }
} else {
  fail();
}

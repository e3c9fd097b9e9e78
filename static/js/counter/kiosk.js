// The kiosk: keys that type, a scanner that works without focus, steps that survive a lost connection, and the return to the
// first page when nobody is there. Every page also works without this script.

const { beginning, checkIn, quiet } = document.body.dataset;
const notice = (name) => document.querySelector(`[data-notice="${name}"]`);
const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

// The page stays until the server answers, because a kiosk could not leave the browser's own error page.

async function isReachable() {
  try {
    const answer = await fetch(beginning, { method: "HEAD", cache: "no-store", signal: AbortSignal.timeout(4000) });
    return answer.status < 500;
  } catch {
    return false;
  }
}

async function reach() {
  while (!(await isReachable())) {
    notice("lost").hidden = false;
    await sleep(2);
  }
  notice("lost").hidden = true;
}

let leaving = false;

async function leave(go) {
  if (leaving) return;
  leaving = true;
  await reach();
  go();
}

document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.dataset.reached) return;
  event.preventDefault();
  leave(() => {
    event.target.dataset.reached = "yes";
    event.target.requestSubmit(event.submitter);
  });
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  if (!link) return;
  event.preventDefault();
  leave(() => location.assign(link.href));
});

addEventListener("pageshow", () => {
  leaving = false;
  for (const form of document.forms) delete form.dataset.reached;
});

// Keys on the screen

const field = document.querySelector("#reference");
const LENGTH = 10;

document.querySelector(".keys")?.addEventListener("click", (event) => {
  const key = event.target.closest("button")?.value;
  if (!key) return;
  event.preventDefault();
  if (key === "back") field.value = field.value.slice(0, -1);
  else if (field.value.length < LENGTH) field.value += key;
});

// A scanner types very fast and ends with Enter. It works without focus in a field

const TYPING = 300;
let scanned = "";
let latest = 0;

document.addEventListener("keydown", (event) => {
  if (event.target === field || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.timeStamp - latest > TYPING) scanned = "";
  latest = event.timeStamp;
  if (event.key.length === 1) scanned += event.key;
  else if (event.key === "Enter" && scanned.length >= LENGTH) {
    event.preventDefault();
    send(scanned);
  }
});

function send(reference) {
  const form = Object.assign(document.createElement("form"), { method: "post", action: checkIn, hidden: true });
  form.append(Object.assign(document.createElement("input"), { name: "reference", value: reference }));
  document.body.append(form);
  form.requestSubmit();
}

// The camera, if the browser can read codes

const camera = document.querySelector("[data-camera]");

async function scan() {
  const video = camera.querySelector("video");
  const detector = new BarcodeDetector({ formats: ["qr_code"] });
  video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user" } });
  video.hidden = false;
  await video.play();
  for (;;) {
    const [code] = await detector.detect(video);
    if (code) return send(code.rawValue);
    await sleep(0.3);
  }
}

if (camera && "BarcodeDetector" in window && navigator.mediaDevices) {
  camera.hidden = false;
  const button = camera.querySelector("button");
  button.addEventListener("click", () => scan().catch(() => (camera.hidden = true)));
}

// Paper

const print = document.querySelector("[data-print]");
if (print) {
  print.hidden = false;
  print.addEventListener("click", () => window.print());
}
const ticket = document.querySelector("[data-print-now]")?.dataset.printNow;
if (ticket && sessionStorage.getItem("printed") !== ticket) {
  sessionStorage.setItem("printed", ticket);
  window.print();
}

// Return to the first page

const WARNING = 15;
let timers = [];

function wait() {
  timers.forEach(clearTimeout);
  notice("quiet").hidden = true;
  timers = [
    setTimeout(() => (notice("quiet").hidden = location.pathname + location.search === beginning), (quiet - WARNING) * 1000),
    setTimeout(() => leave(() => location.replace(beginning)), quiet * 1000),
  ];
}

for (const touch of ["pointerdown", "keydown"]) document.addEventListener(touch, wait);
document.addEventListener("contextmenu", (event) => event.preventDefault());
wait();

// Rings when somebody new waits at a video call, or asks to be called: a sound that can be switched off, words for screen
// readers, and a mark in the title of the window. The page marks the place with `data-alarm`.

const KEPT = "calls.sound";
const RUNG = "calls.rung";
const AGAIN = 20_000;
const STARTS = 500;

const news = document.querySelector("#alarm-news");
const button = document.querySelector("#alarm-switch");
const blocked = document.querySelector("#alarm-blocked");
const title = document.title;
let last = 0;
let isHeard = navigator.userActivation?.hasBeenActive ?? true; // as far as we know before the first sound

const isOn = () => localStorage.getItem(KEPT) !== "off";
const alarms = () => [...document.querySelectorAll("[data-alarm]")].map((one) => one.dataset.alarm);
// What has rung is kept for this window: neither a reload nor the next page rings for the same person again.
const rung = new Set(JSON.parse(sessionStorage.getItem(RUNG) || "[]"));

function look() {
  const now = alarms();
  document.title = now.length ? `● (${now.length}) ${title}` : title;
  const fresh = now.filter((one) => !rung.has(one));
  if (fresh.length) {
    const text = fresh.some((one) => one.endsWith("phone")) ? news.dataset.phone : news.dataset.text;
    // The same text twice is read only once, so it is emptied in between.
    news.textContent = "";
    setTimeout(() => (news.textContent = text), 100);
  }
  if (fresh.length || (now.length && performance.now() - last > AGAIN)) ring();
  rung.clear();
  for (const one of now) rung.add(one);
  sessionStorage.setItem(RUNG, JSON.stringify(now));
}

/** Two soft tones. A browser may keep silent until the officer has pressed something on the page; then the page says so. */
async function ring() {
  last = performance.now();
  if (!isOn()) return;
  const audio = new AudioContext();
  isHeard = await starts(audio);
  show();
  if (!isHeard) return audio.close();
  for (const [pitch, from, ended] of [[660, 0, () => {}], [880, 0.25, () => audio.close()]]) {
    const [tone, volume] = [audio.createOscillator(), audio.createGain()];
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0.2, audio.currentTime + from);
    volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + from + 0.6);
    tone.connect(volume).connect(audio.destination);
    tone.start(audio.currentTime + from);
    tone.stop(audio.currentTime + from + 0.6);
    tone.addEventListener("ended", ended);
  }
}

async function starts(audio) {
  audio.resume().catch(() => {});
  if (audio.state !== "running") {
    const started = new Promise((done) => audio.addEventListener("statechange", done, { once: true }));
    await Promise.race([started, new Promise((done) => setTimeout(done, STARTS))]);
  }
  return audio.state === "running";
}

function show() {
  button.setAttribute("aria-pressed", isOn());
  blocked.hidden = isHeard || !isOn();
}

/** Whoever presses something may hear from then on, also what was kept back. */
function press(event) {
  if (isHeard || button.contains(event.target)) return;
  isHeard = true;
  show();
  if (alarms().length) ring();
}

button.hidden = false;
button.addEventListener("click", () => {
  localStorage.setItem(KEPT, isOn() ? "off" : "on");
  show();
  if (isOn()) ring();
});
for (const kind of ["click", "keyup"]) document.addEventListener(kind, press);
show();
new MutationObserver(look).observe(document.querySelector("main, #content, body"), { subtree: true, childList: true, attributes: true, attributeFilter: ["data-alarm"] });
setInterval(look, 5_000);
look();

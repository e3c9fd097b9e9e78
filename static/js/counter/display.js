// The screen in the hall. It asks every two seconds, flashes and plays a sound for each new call, and shows a lost connection.

const EVERY = 2000;
const LOST_AFTER = 3;
const NEW_FOR = 10_000;
const DAILY = 20 * 3600 * 1000;
const lost = document.querySelector("[data-lost]");
const spoken = document.querySelector("[data-spoken]");
const button = document.querySelector("[data-sound]");
const clock = document.querySelector(".clock");
const opened = Date.now();
let known = new Set(callsOf(document).keys());
let failures = 0;

function callsOf(place) {
  return new Map([...place.querySelectorAll("[data-call]")].map((call) => [call.dataset.call, call]));
}

async function look() {
  try {
    const seen = document.querySelector("#calls").dataset.seen;
    const answer = await fetch(`${location.pathname}?seen=${encodeURIComponent(seen)}`, { cache: "no-store", signal: AbortSignal.timeout(5000) });
    if (answer.status === 404) return location.reload();
    if (!answer.ok) throw new Error(answer.status);
    if (answer.status === 200) show(await answer.text());
    failures = 0;
    // The page reloads at night to get a new version. The server has just answered, so the reload works.
    if (Date.now() - opened > DAILY && new Date().getHours() === 4) return location.reload();
  } catch {
    failures += 1;
  }
  lost.hidden = failures < LOST_AFTER;
  document.body.classList.toggle("is-lost", !lost.hidden);
  setTimeout(look, EVERY);
}

function show(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").querySelector("#calls");
  const calls = callsOf(fresh);
  const added = [...calls].filter(([call]) => !known.has(call)).map(([, element]) => element);
  document.querySelector("#calls").replaceWith(fresh);
  known = new Set(calls.keys());
  if (added.length) announce(added);
}

function announce(calls) {
  for (const call of calls) {
    call.classList.add("is-new");
    setTimeout(() => call.classList.remove("is-new"), NEW_FOR);
  }
  spoken.textContent = calls.map((call) => `${call.dataset.number} → ${call.dataset.desk}`).join(", ");
  chime();
}

// A sound of two notes. Browsers outside kiosk mode play it only after a touch.

const sound = new AudioContext();

function note(pitch, at) {
  const [tone, volume] = [sound.createOscillator(), sound.createGain()];
  tone.frequency.value = pitch;
  volume.gain.setValueAtTime(0.0001, at);
  volume.gain.exponentialRampToValueAtTime(0.5, at + 0.02);
  volume.gain.exponentialRampToValueAtTime(0.0001, at + 1);
  tone.connect(volume).connect(sound.destination);
  tone.start(at);
  tone.stop(at + 1);
}

function chime() {
  document.body.dataset.chimes = Number(document.body.dataset.chimes ?? 0) + 1;
  if (sound.state !== "running") return;
  note(659, sound.currentTime);
  note(523, sound.currentTime + 0.45);
}

function offerSound() {
  button.hidden = sound.state === "running";
}

button.addEventListener("click", async () => {
  await sound.resume();
  offerSound();
  chime();
});
sound.addEventListener("statechange", offerSound);
setTimeout(offerSound, 1000);

function tick() {
  const options = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: clock.dataset.zone };
  clock.textContent = new Intl.DateTimeFormat("el", options).format(new Date());
}

tick();
setInterval(tick, 1000);
setTimeout(look, EVERY);

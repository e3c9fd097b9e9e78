// Tries camera, microphone, loudspeaker and connection before a call. What is chosen here is chosen in the room.

import { Level, listDevices, whenChosen } from "./choices.js";
import { Devices } from "./devices.js";
import { token } from "./line.js";
import { word } from "./words.js";

const RELAY_PATIENCE = 10_000;
const part = (name) => document.querySelector(`#${name}`);
const page = part("test");
const devices = new Devices();
const level = new Level();
let isHeard = false;

function say(name, text) {
  if (part(name).textContent !== text) part(name).textContent = text;
}

function show() {
  part("picture").srcObject = devices.video && new MediaStream([devices.video]);
  say("fault-video", devices.video ? word("seen") : devices.faults.video && word(`video${devices.faults.video}`));
  if (!devices.audio) say("fault-audio", devices.faults.audio && word(`audio${devices.faults.audio}`));
  level.watch(devices.audio, listen);
  listDevices(devices);
}

function listen(loudness, isVoice) {
  part("level").value = loudness;
  isHeard ||= isVoice;
  say("fault-audio", word(isHeard ? "heard" : "silent"));
}

async function begin() {
  part("ask").hidden = true;
  part("trial").hidden = false;
  isHeard = false;
  connect();
  await devices.start();
}

devices.addEventListener("change", show);
whenChosen(devices, (kind) => kind === "audio" && (isHeard = false));
part("begin").addEventListener("click", begin);

// Loudspeaker: three rising tones, made here

part("chime").addEventListener("click", async () => {
  const context = new AudioContext();
  const target = context.createMediaStreamDestination();
  const tone = part("tone");
  tone.srcObject = target.stream;
  if (tone.setSinkId && devices.chosen.output) await tone.setSinkId(devices.chosen.output).catch(console.warn);
  [523, 659, 784].forEach((pitch, at) => {
    const one = Object.assign(context.createOscillator(), { type: "sine" });
    one.frequency.value = pitch;
    one.connect(target);
    one.start(context.currentTime + at * 0.35);
    one.stop(context.currentTime + at * 0.35 + 0.3);
    if (at === 2) one.addEventListener("ended", () => context.close());
  });
  await tone.play().catch(console.warn);
});

// Connection: whether the relay gives this browser an address

async function connect() {
  if (!window.RTCPeerConnection) return say("connection", word("unable"));
  if (!("hasRelay" in page.dataset)) return say("connection", word("able"));
  say("connection", word("trying"));
  try {
    const answer = await fetch(page.dataset.relay, { method: "POST", headers: { "X-CSRFToken": token() } });
    if (!answer.ok) throw new Error(answer.status);
    say("connection", word((await isReached((await answer.json()).iceServers)) ? "reached" : "unreached"));
  } catch {
    say("connection", word("later"));
  }
}

async function isReached(iceServers) {
  const pc = new RTCPeerConnection({ iceServers, iceTransportPolicy: "relay" });
  const found = new Promise((resolve) => {
    pc.addEventListener("icecandidate", ({ candidate }) => candidate?.candidate && resolve(true));
    pc.addEventListener("icegatheringstatechange", () => pc.iceGatheringState === "complete" && resolve(false));
    setTimeout(resolve, RELAY_PATIENCE, false);
  });
  pc.createDataChannel("test");
  await pc.setLocalDescription();
  return found.finally(() => pc.close());
}

page.hidden = false;

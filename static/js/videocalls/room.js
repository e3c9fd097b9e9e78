// The room of a video call. The server says who is there; pictures, sound and messages go from browser to browser.

import { received, whenWritten } from "./chat.js";
import { Level, listDevices, whenChosen } from "./choices.js";
import { Devices } from "./devices.js";
import { Line } from "./line.js";
import "./panels.js";
import { Peer } from "./peer.js";
import { listenOn, play, Tile } from "./stage.js";
import { tell, word } from "./words.js";

const room = document.querySelector("#call");
const { sync, bye, name, role } = room.dataset;
const line = new Line({ sync, bye });
const devices = new Devices();
const people = new Map(); // by seat and name: {tile, peer, name, session}
let ways = {};

// Those who are there

const idOf = (person) => `${person.seat} ${person.name}`;

function meet(content) {
  if (content.iceServers) {
    const { iceServers, iceTransportPolicy } = content;
    ways = { iceServers, iceTransportPolicy };
    for (const one of people.values()) part(one);
  }
  const isFirst = !room.dataset.met;
  room.dataset.met = "yes";
  const here = new Set(content.people.map(idOf));
  for (const [id, one] of people) if (!here.has(id)) gone(id, one);
  for (const person of content.people) come(person, isFirst);
  for (const signal of content.signals) {
    [...people.values()].find((one) => one.peer?.session === signal.from)?.peer.take(signal);
  }
  if (content.waiting) showWaiting(content.waiting);
  refresh();
}

/** Tells an officer that somebody stands at the door, whom another page lets in. */
function showWaiting(names) {
  const note = document.querySelector("#waiting");
  const text = names.length ? word("waits", { names: names.join(", ") }) : "";
  note.hidden = !text;
  if (note.firstElementChild.textContent !== text) note.firstElementChild.textContent = text;
}

function come(person, isFirst) {
  let one = people.get(idOf(person));
  if (!one) {
    one = { name: person.name, tile: new Tile(person.name, person.role), peer: null, shown: {} };
    people.set(idOf(person), one);
    if (!isFirst) tell(word("joined", { name: person.name }));
  }
  one.isHere = person.isHere && Boolean(person.session);
  if (person.session !== (one.peer?.session ?? "")) {
    part(one);
    if (person.session) connect(one, person.session);
  }
}

function gone(id, one) {
  part(one);
  one.tile.remove();
  people.delete(id);
  tell(word("left", { name: one.name }));
}

function part(one) {
  one.peer?.close();
  one.peer = null;
  one.tile.clear();
}

function connect(one, session) {
  const peer = (one.peer = new Peer(line, session, ways));
  peer.addEventListener("track", ({ detail: track }) => {
    one.tile.use(track);
    if (track.kind === "audio") listenOn(devices.chosen.output ?? "").then(play);
  });
  peer.addEventListener("message", ({ detail }) => hear(one, detail));
  peer.addEventListener("open", () => peer.say(ownState()));
  peer.addEventListener("change", refresh);
  peer.use(tracks());
}

/** Reads what another browser says, which may be anything. */
function hear(one, text) {
  try {
    const { kind, ...content } = JSON.parse(text);
    if (kind === "text") received(one.name, String(content.text).slice(0, 2000));
    if (kind === "state") showState(one, content);
  } catch {
    // Nothing that this page could show.
  }
}

function showState(one, { mic, camera, screen }) {
  one.tile.show({ mic: Boolean(mic), camera: Boolean(camera), screen: Boolean(screen) });
  if (screen && !one.shown.screen) tell(word("shares", { name: one.name }));
  one.shown = { screen };
}

function refresh() {
  const peers = [...people.values()].map((one) => one.peer).filter(Boolean);
  line.isEager = peers.some((peer) => peer.isTrying);
  for (const one of people.values()) one.tile.state(stateOf(one));
  for (const peer of peers) peer.limit(peers.length);
  document.querySelector("#alone").hidden = people.size > 0;
}

function stateOf({ peer, isHere }) {
  if (peer?.isConnected) return "";
  if (!peer || !isHere) return "away";
  if (peer.isStuck) return "stuck";
  return peer.wasConnected ? "interrupted" : "connecting";
}

// What others see and hear of the reader

const own = new Tile(word("you"), role, true);
const level = new Level();
const buttons = { audio: document.querySelector("#mic"), video: document.querySelector("#camera"), screen: document.querySelector("#screen") };

const isOn = (kind) => Boolean(devices[kind] && devices.wants[kind]);
const tracks = () => ({ audio: devices.audio, video: devices.picture });
const ownState = () => ({ kind: "state", mic: isOn("audio"), camera: isOn("video"), screen: Boolean(devices.screen) });

function showOwn() {
  if (devices.picture) own.use(devices.picture);
  else own.clear();
  own.show(ownState());
  own.state("");
  for (const kind of ["audio", "video"]) {
    buttons[kind].setAttribute("aria-pressed", isOn(kind));
    const fault = document.querySelector(`#fault-${kind}`);
    const text = devices.wants[kind] && devices.faults[kind] ? word(`${kind}${devices.faults[kind]}`) : "";
    if (fault.textContent !== text) fault.textContent = text;
  }
  buttons.screen.setAttribute("aria-pressed", Boolean(devices.screen));
  level.watch(devices.audio, (loudness, isHeard) => {
    document.querySelector("#level").value = loudness;
    buttons.audio.classList.toggle("control--heard", isHeard && isOn("audio"));
  });
  for (const { peer } of people.values()) {
    peer?.use(tracks());
    peer?.say(ownState());
  }
  listDevices(devices);
}

devices.addEventListener("change", showOwn);
whenChosen(devices, (kind, id) => kind === "output" && listenOn(id));
for (const kind of ["audio", "video"]) {
  buttons[kind].addEventListener("click", async () => {
    await devices.toggle(kind);
    tell(word(`${kind}${isOn(kind) ? "on" : "off"}`));
  });
}
buttons.screen.hidden = !devices.canShare;
buttons.screen.addEventListener("click", async () => {
  if (await devices.share()) tell(word("noscreen"));
  else tell(word(devices.screen ? "screenon" : "screenoff"));
});
whenWritten((text) => [...people.values()].map(({ peer }) => peer?.say({ kind: "text", text })).some(Boolean));

// The way out

const ending = document.querySelector("#ending");
if (ending) {
  document.querySelector("#leave").addEventListener("click", (event) => {
    event.preventDefault();
    ending.showModal();
  });
  document.querySelector("#stay").addEventListener("click", () => ending.close());
}

let isOver = false;

/** The server shows what has become of the room: that it is over, or the page before it. */
function finish(state) {
  isOver = true;
  for (const one of people.values()) part(one);
  devices.stop();
  level.stop();
  if (state !== "elsewhere") return location.reload();
  room.hidden = document.querySelector(".controls").hidden = true;
  document.querySelector("#elsewhere").hidden = false;
  document.querySelector("#elsewhere h2").focus();
}

document.querySelector("#here").addEventListener("click", () => location.reload());

// The page, the device and the network

async function stayAwake() {
  if (!document.hidden && !isOver) await navigator.wakeLock?.request("screen").catch(() => {});
}

function wakeUp() {
  if (document.hidden || isOver) return;
  line.hurry();
  play();
  stayAwake();
}

document.addEventListener("visibilitychange", wakeUp);
addEventListener("online", () => {
  for (const { peer } of people.values()) peer?.moved();
  line.hurry();
});
addEventListener("offline", () => (document.querySelector("#lost").hidden = false));
addEventListener("pagehide", () => isOver || line.bye());
addEventListener("pageshow", (event) => event.persisted && location.reload());

line.addEventListener("answer", ({ detail }) => meet(detail));
line.addEventListener("state", ({ detail }) => finish(detail));
line.addEventListener("lost", () => (document.querySelector("#lost").hidden = false));
line.addEventListener("found", () => (document.querySelector("#lost").hidden = true));

if (window.RTCPeerConnection) {
  room.hidden = document.querySelector(".controls").hidden = false;
  document.querySelector("#impossible").hidden = true;
  setInterval(() => {
    for (const { peer } of people.values()) peer?.look();
    refresh();
  }, 1_000);
  showOwn();
  devices.start();
  stayAwake();
  line.run();
} else {
  document.querySelector("#impossible").hidden = false;
}

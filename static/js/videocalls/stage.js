// The pictures: one tile for each person. A tile belongs to a seat, so somebody who reloads comes back to the same place.

import { word } from "./words.js";

const stage = document.querySelector("#stage");
const pattern = document.querySelector("#tile");

const initials = (name) => [...name.matchAll(/(?:^|\s)(\p{L})/gu)].slice(0, 2).map((found) => found[1]).join("");

export class Tile {
  #element = pattern.content.firstElementChild.cloneNode(true);

  constructor(name, role, isOwn = false) {
    this.name = name;
    this.#part("name").textContent = name;
    this.#part("role").textContent = role;
    this.#part("face").textContent = initials(name) || "–";
    this.#element.classList.toggle("tile--own", isOwn);
    this.#element.dataset.name = name;
    this.video.setAttribute("aria-label", word("picture", { name }));
    const { video } = this;
    video.addEventListener("resize", () => this.#element.style.setProperty("--ratio", video.videoWidth / video.videoHeight || 1.6));
    this.show({ mic: true, camera: false, screen: false });
    if (isOwn) stage.append(this.#element);
    else stage.insertBefore(this.#element, stage.querySelector(".tile--own"));
    count();
  }

  get video() {
    return this.#element.querySelector("video");
  }

  get audio() {
    return this.#element.querySelector("audio");
  }

  /** Shows or plays the track. Sound and picture have elements of their own, so that neither waits for the other. */
  use(track) {
    const element = this[track.kind];
    if (element.srcObject?.getTracks()[0] === track) return;
    element.srcObject = new MediaStream([track]);
  }

  clear() {
    this.video.srcObject = null;
  }

  show({ mic, camera, screen }) {
    Object.assign(this.#element.dataset, { mic: mic ? "on" : "off", camera: camera || screen ? "on" : "off" });
    this.#part("silent").hidden = mic;
    this.#element.classList.toggle("tile--screen", screen);
    this.#element.classList.toggle("tile--main", screen && !this.#element.classList.contains("tile--own"));
    count();
  }

  /** Says under the name how the connection is, or nothing if it is as it should be. */
  state(key) {
    const line = this.#part("state");
    if (line.dataset.key === key) return;
    line.dataset.key = key;
    line.textContent = key ? word(key) : "";
    this.#element.classList.toggle("tile--away", Boolean(key));
  }

  remove() {
    this.#element.remove();
    count();
  }

  #part(name) {
    return this.#element.querySelector(`.tile__${name}`);
  }
}

function count() {
  stage.dataset.count = stage.querySelectorAll(".tile").length;
  stage.classList.toggle("stage--screen", Boolean(stage.querySelector(".tile--main")));
}

const sound = document.querySelector("#sound");

/** Browsers may keep a page silent until somebody presses something on it. */
export async function play() {
  let isSilent = false;
  for (const audio of stage.querySelectorAll("audio")) {
    if (audio.srcObject && audio.paused) await audio.play().catch((error) => (isSilent ||= error.name === "NotAllowedError"));
  }
  sound.hidden = !isSilent;
}

sound.addEventListener("click", play);

export async function listenOn(output) {
  for (const audio of stage.querySelectorAll("audio")) {
    if (audio.setSinkId && audio.sinkId !== output) await audio.setSinkId(output).catch(console.warn);
  }
}

// Microphone, camera, loudspeaker and screen of this browser. Whatever fails, the call goes on with what is there.

const CHOSEN = "call.devices";
const PICTURE = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 24, max: 30 } };
const SOUND = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
const FAULTS = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "missing",
  OverconstrainedError: "missing",
  NotReadableError: "busy",
  AbortError: "busy",
};
const KINDS = { audio: "audioinput", video: "videoinput", output: "audiooutput" };

/** Which devices the reader has chosen, on this page or before. */
function remembered() {
  try {
    return JSON.parse(localStorage.getItem(CHOSEN)) ?? {};
  } catch {
    return {}; // storage is switched off, or holds something else
  }
}

function remember(chosen) {
  try {
    localStorage.setItem(CHOSEN, JSON.stringify(chosen));
  } catch {
    // The choice lasts as long as the page.
  }
}

/** Tells "change" when a track, a fault or the list of devices has changed. `wants` says what the reader has switched on. */
export class Devices extends EventTarget {
  audio = null;
  video = null;
  screen = null;
  faults = { audio: "", video: "" };
  wants = { audio: true, video: true };
  chosen = remembered();
  #steps = Promise.resolve();

  constructor() {
    super();
    navigator.mediaDevices?.addEventListener("devicechange", () => this.#recover());
  }

  /** What others see: the screen while it is shown, otherwise the camera. */
  get picture() {
    return this.screen ?? this.video;
  }

  start() {
    return this.#inTurn(async () => {
      const granted = await this.#ask(["audio", "video"]).catch(() => null);
      if (granted) for (const track of granted.getTracks()) this.#take(track);
      else for (const kind of ["audio", "video"]) await this.#open(kind);
    });
  }

  /** Switches the microphone or the camera. A camera that is off is let go, so that its light goes out. */
  toggle(kind) {
    return this.#inTurn(async () => {
      this.wants[kind] = !this[kind] || !this.wants[kind];
      if (!this[kind]) return this.#open(kind);
      if (kind === "audio") this.audio.enabled = this.wants.audio;
      else this.#drop(kind);
    });
  }

  choose(kind, id) {
    this.chosen = { ...this.chosen, [kind]: id };
    remember(this.chosen);
    return this.#inTurn(async () => {
      if (kind === "output" || !this.wants[kind]) return;
      this.#drop(kind); // many telephones open only one camera at a time
      await this.#open(kind);
    });
  }

  /** Shows the screen to the others, or stops that. Returns whether the browser refused for another reason than the reader. */
  async share() {
    if (this.screen) return this.#stopSharing();
    try {
      const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 15 } }, audio: false });
      const [track] = stream.getVideoTracks();
      track.contentHint = "detail";
      track.addEventListener("ended", () => this.screen === track && this.#stopSharing());
      this.screen = track;
      this.#tell();
    } catch (error) {
      return error.name !== "NotAllowedError";
    }
    return false;
  }

  get canShare() {
    return Boolean(navigator.mediaDevices?.getDisplayMedia);
  }

  /** Returns the devices of a kind. They have names only after the reader has allowed one. */
  async list(kind) {
    const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    return all.filter((one) => one.kind === KINDS[kind] && one.deviceId);
  }

  idOf(kind) {
    return kind === "output" ? this.chosen.output : this[kind]?.getSettings().deviceId;
  }

  stop() {
    for (const track of [this.audio, this.video, this.screen]) track?.stop();
  }

  #inTurn(step) {
    this.#steps = this.#steps.then(step).catch(console.warn).then(() => this.#tell());
    return this.#steps;
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }

  #ask(kinds) {
    const { audio, video } = this.chosen;
    const constraints = {
      audio: { ...SOUND, ...(audio && { deviceId: { ideal: audio } }) },
      video: { ...PICTURE, ...(video ? { deviceId: { ideal: video } } : { facingMode: "user" }) },
    };
    if (!navigator.mediaDevices) return Promise.reject(new DOMException("", "SecurityError"));
    return navigator.mediaDevices.getUserMedia(Object.fromEntries(kinds.map((kind) => [kind, constraints[kind]])));
  }

  async #open(kind) {
    try {
      const stream = await this.#ask([kind]);
      this.#take(stream.getTracks()[0]);
    } catch (error) {
      this.faults[kind] = FAULTS[error.name] ?? "failed";
    }
  }

  #take(track) {
    const kind = track.kind;
    this[kind]?.stop();
    this[kind] = track;
    this.faults[kind] = "";
    if (kind === "audio") track.enabled = this.wants.audio;
    track.addEventListener("ended", () => this[kind] === track && this.#lost(kind));
  }

  #drop(kind) {
    this[kind]?.stop();
    this[kind] = null;
  }

  /** The device was unplugged, or taken away by the system. Another one takes its place if there is one. */
  #lost(kind) {
    this.#inTurn(async () => {
      this[kind] = null;
      await this.#open(kind);
      if (this.faults[kind] === "missing") this.faults[kind] = "gone";
    });
  }

  /** A device was plugged in or out. What was missing may be there now. */
  #recover() {
    this.#inTurn(async () => {
      for (const kind of ["audio", "video"]) {
        if (this.wants[kind] && !this[kind] && ["missing", "gone", "busy"].includes(this.faults[kind])) await this.#open(kind);
      }
    });
  }

  #stopSharing() {
    this.screen?.stop();
    this.screen = null;
    this.#tell();
    return false;
  }
}

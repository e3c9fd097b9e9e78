// The lists of microphones, cameras and loudspeakers, and how loud the microphone is. Used in the room and by the test.

const LISTED = { audio: "#microphones", video: "#cameras", output: "#speakers" };
const LOUD = 0.02; // the mean amplitude from which on a voice is heard

export async function listDevices(devices) {
  for (const [kind, name] of Object.entries(LISTED)) {
    const select = document.querySelector(name);
    const found = await devices.list(kind);
    const canChoose = kind !== "output" || "setSinkId" in HTMLMediaElement.prototype;
    select.closest(".choice").hidden = !canChoose || !found.length;
    const chosen = devices.idOf(kind);
    select.replaceChildren(...found.map((one, at) => new Option(one.label || `${at + 1}`, one.deviceId, false, one.deviceId === chosen)));
  }
}

export function whenChosen(devices, then = () => {}) {
  for (const [kind, name] of Object.entries(LISTED)) {
    document.querySelector(name).addEventListener("change", async (event) => {
      await devices.choose(kind, event.target.value);
      then(kind, event.target.value);
    });
  }
  navigator.mediaDevices?.addEventListener("devicechange", () => listDevices(devices));
}

/** Measures how loud a track is. `each` gets the loudness from 0 to 1, and whether a voice is heard, ten times a second. */
export class Level {
  #context = null;
  #timer = 0;
  #track = null;

  watch(track, each) {
    if (track === this.#track) return;
    this.stop();
    this.#track = track;
    if (!track || !window.AudioContext) return;
    this.#context = new AudioContext();
    this.#context.resume().catch(() => {});
    const analyser = this.#context.createAnalyser();
    this.#context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.#timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const loudness = Math.sqrt(samples.reduce((sum, one) => sum + one * one, 0) / samples.length);
      each(Math.min(1, loudness * 5), loudness > LOUD);
    }, 100);
  }

  stop() {
    clearInterval(this.#timer);
    this.#context?.close();
    this.#context = this.#track = null;
  }
}

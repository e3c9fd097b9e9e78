// The connection to one other page. Of two pages only one makes offers, so they never meet half-way. Microphone and camera
// have their places in the connection from the beginning, with or without a device, so nothing is negotiated later.

const RESTART = 3_000; // a connection that is interrupted for so long looks for another way
const ANEW = 12_000; // one that is still not there is made anew
const PATIENT = 30_000; // after some attempts they become rarer
const ASK = 8_000;
// To each of one, two or three others: bits a second, by how much the picture is made smaller, pictures a second. Tiles are
// smaller too when there are more of them.
const SHARES = [
  { maxBitrate: 1_500_000, scaleResolutionDownBy: 1, maxFramerate: 30 },
  { maxBitrate: 800_000, scaleResolutionDownBy: 1.5, maxFramerate: 24 },
  { maxBitrate: 500_000, scaleResolutionDownBy: 2, maxFramerate: 20 },
];
// Browsers send no picture that is much smaller than this (pixels).
const SMALLEST = 160;

/** Tells "track", "message", "open" and "change". */
export class Peer extends EventTarget {
  isConnected = false;
  wasConnected = false;
  #line;
  #mine;
  #theirs;
  #ways;
  #tracks = { audio: null, video: null };
  #pc = null;
  #channel = null;
  #id = "";
  #round = 0; // of the offer made or taken last
  #applied = 0; // of the description of the other side
  #held = [];
  #steps = Promise.resolve();
  #tried = performance.now();
  #attempts = 0;
  #isRestarted = false;
  #share = SHARES[0];

  constructor(line, theirs, ways) {
    super();
    [this.#line, this.#mine, this.#theirs, this.#ways] = [line, line.session, theirs, ways];
    if (this.#offers) this.#inTurn(() => this.#anew());
  }

  get #offers() {
    return this.#mine < this.#theirs;
  }

  get session() {
    return this.#theirs;
  }

  /** Whether something may still come of the latest attempt. */
  get isTrying() {
    return !this.isConnected && performance.now() - this.#tried < ANEW;
  }

  /** Whether several attempts have failed. */
  get isStuck() {
    return !this.isConnected && this.#attempts > 2;
  }

  use(tracks) {
    this.#tracks = tracks;
    this.#inTurn(() => this.#place());
  }

  /** Shares what the line to the network bears among so many others. */
  limit(others) {
    const share = SHARES[Math.min(Math.max(others, 1), SHARES.length) - 1];
    if (share === this.#share) return;
    this.#share = share;
    this.#inTurn(() => this.#bound());
  }

  /** Returns whether the message could be sent. */
  say(message) {
    if (this.#channel?.readyState !== "open") return false;
    this.#channel.send(JSON.stringify(message));
    return true;
  }

  take(signal) {
    this.#inTurn(() => this.#take(signal.kind, JSON.parse(signal.data)));
  }

  /** Looks every second whether something has to be tried again. */
  look() {
    if (this.isConnected) return;
    const waited = performance.now() - this.#tried;
    if (!this.#offers && waited > ASK) this.#askAgain();
    else if (this.#offers && this.wasConnected && !this.#isRestarted && waited > RESTART) this.#inTurn(() => this.#restart());
    else if (this.#offers && waited > Math.min(ANEW + 6_000 * this.#attempts, PATIENT)) this.#inTurn(() => this.#anew());
  }

  /** The network of this device has changed: the other side may notice much later. */
  moved() {
    if (this.#offers) this.#inTurn(() => this.#restart());
    else this.#askAgain();
  }

  close() {
    this.#line.forget(this.#theirs);
    this.#shut();
    this.#theirs = "";
  }

  #inTurn(step) {
    this.#steps = this.#steps.then(() => this.#theirs && step()).catch(console.warn);
  }

  #send(kind, content = {}) {
    if (this.#theirs) this.#line.send(this.#theirs, kind, { id: this.#id, round: this.#round, ...content });
  }

  #askAgain() {
    this.#tried = performance.now();
    this.#attempts += 1;
    this.#send("again");
  }

  async #anew() {
    this.#attempts += 1;
    this.#open(crypto.getRandomValues(new Uint32Array(2)).join("-"));
    for (const kind of ["audio", "video"]) this.#pc.addTransceiver(kind, { direction: "sendrecv" });
    await this.#place();
    await this.#offer({});
  }

  async #restart() {
    if (!this.#pc) return this.#anew();
    this.#isRestarted = true;
    await this.#offer({ iceRestart: true });
  }

  async #offer(options) {
    const pc = this.#pc;
    this.#tried = performance.now();
    this.#round += 1;
    await pc.setLocalDescription(await pc.createOffer(options));
    if (pc === this.#pc) this.#send("offer", { sdp: pc.localDescription.sdp });
  }

  #open(id) {
    this.#shut();
    [this.#id, this.#round, this.#applied, this.#held, this.#isRestarted] = [id, 0, 0, [], false];
    this.#tried = performance.now();
    const pc = (this.#pc = new RTCPeerConnection({ ...this.#ways, bundlePolicy: "max-bundle" }));
    pc.addEventListener("icecandidate", ({ candidate }) => candidate && pc === this.#pc && this.#send("ice", { candidate }));
    pc.addEventListener("track", ({ track }) => pc === this.#pc && this.dispatchEvent(new CustomEvent("track", { detail: track })));
    pc.addEventListener("connectionstatechange", () => pc === this.#pc && this.#changed());
    this.#channel = pc.createDataChannel("words", { negotiated: true, id: 0 });
    this.#channel.addEventListener("open", () => this.dispatchEvent(new Event("open")));
    this.#channel.addEventListener("message", ({ data }) => this.dispatchEvent(new CustomEvent("message", { detail: data })));
  }

  #shut() {
    const pc = this.#pc;
    this.#pc = this.#channel = null;
    this.isConnected = false;
    pc?.close();
  }

  #changed() {
    const before = this.isConnected;
    this.isConnected = this.#pc.connectionState === "connected";
    if (this.isConnected) [this.wasConnected, this.#isRestarted, this.#attempts] = [true, false, 0];
    if (before && !this.isConnected) this.#tried = performance.now();
    if (this.#pc.connectionState === "failed" && this.wasConnected) this.look();
    this.dispatchEvent(new Event("change"));
    this.#line.hurry();
  }

  async #take(kind, sent) {
    if (kind === "again" && this.#offers) return this.#asked();
    if (kind === "offer" && !this.#offers) return this.#answer(sent);
    if (kind === "answer" && this.#offers) return this.#answered(sent);
    if (kind !== "ice" || sent.id !== this.#id) return;
    this.#held.push(sent);
    await this.#release();
  }

  /** The other side is not connected, whatever it looks like from here. What was tried just now may still arrive. */
  #asked() {
    if (performance.now() - this.#tried < RESTART) return;
    return this.isConnected && !this.#isRestarted ? this.#restart() : this.#anew();
  }

  async #answer(sent) {
    if (sent.id !== this.#id) this.#open(sent.id);
    else if (sent.round <= this.#round) return;
    const pc = this.#pc;
    [this.#round, this.#tried] = [sent.round, performance.now()];
    await pc.setRemoteDescription({ type: "offer", sdp: sent.sdp });
    for (const place of pc.getTransceivers()) place.direction = "sendrecv";
    await this.#place();
    await pc.setLocalDescription();
    if (pc !== this.#pc) return;
    this.#send("answer", { sdp: pc.localDescription.sdp });
    this.#applied = sent.round;
    await this.#release();
  }

  async #answered(sent) {
    if (sent.id !== this.#id || sent.round !== this.#round || this.#pc?.signalingState !== "have-local-offer") return;
    await this.#pc.setRemoteDescription({ type: "answer", sdp: sent.sdp });
    this.#applied = sent.round;
    await this.#bound();
    await this.#release();
  }

  /** Uses the addresses of the other side that belong to its latest description. Later ones wait for theirs. */
  async #release() {
    const ready = this.#held.filter((one) => one.round <= this.#applied);
    this.#held = this.#held.filter((one) => one.round > this.#applied);
    for (const { round, candidate } of ready) {
      if (round === this.#applied) await this.#pc.addIceCandidate(candidate).catch(console.warn);
    }
  }

  async #place() {
    for (const { sender, receiver } of this.#pc?.getTransceivers() ?? []) {
      const track = this.#tracks[receiver.track.kind];
      if (sender.track !== track) await sender.replaceTrack(track);
    }
    await this.#bound();
  }

  async #bound() {
    for (const sender of this.#pc?.getSenders() ?? []) {
      const parameters = sender.getParameters();
      if (sender.track?.kind !== "video" || !parameters.encodings?.length) continue;
      const isScreen = sender.track.contentHint === "detail"; // whoever reads it needs every line
      const { width = SMALLEST } = sender.track.getSettings();
      const scaleResolutionDownBy = isScreen ? 1 : Math.max(1, Math.min(this.#share.scaleResolutionDownBy, width / SMALLEST));
      Object.assign(parameters.encodings[0], this.#share, { scaleResolutionDownBy }, isScreen && { maxBitrate: SHARES[0].maxBitrate });
      await sender.setParameters(parameters);
    }
  }
}

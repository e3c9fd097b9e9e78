// The line to the server: asks every few seconds who is there, and carries what browsers tell each other to connect.

const CONNECTING = 700;
const CALM = 2_200;
const AGAIN = 1_500;
const GATHERING = 80; // so long it waits for more to send along
const PATIENCE = 8_000;
const AT_ONCE = 40; // signals in one request
const LOST = 2; // failures in a row that are worth a word

export function token() {
  const cookie = /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie);
  return cookie ? cookie[1] : document.querySelector("[name=csrfmiddlewaretoken]").value;
}

const sleep = (wait) => new Promise((resolve) => setTimeout(resolve, wait));

/** Tells "answer" with each answer, "state" when the page has nothing more to ask, and "lost" or "found" of the connection. */
export class Line extends EventTarget {
  session = "";
  isEager = true;
  #addresses;
  #outbox = [];
  #got = [];
  #seen = new Set();
  #number = 0;
  #failures = 0;
  #wake = () => {};

  constructor(addresses) {
    super();
    this.#addresses = addresses;
  }

  async run() {
    for (;;) {
      const state = await this.#ask();
      if (state && state !== "inside") return this.#tell("state", state);
      await Promise.race([sleep(this.#pause()), new Promise((resolve) => (this.#wake = resolve))]);
      if (this.#outbox.length && !this.#failures) await sleep(GATHERING);
    }
  }

  /** Asks at once, because something has happened. After a failure it waits all the same. */
  hurry() {
    if (!this.#failures) this.#wake();
  }

  send(to, kind, content) {
    this.#outbox.push({ to, kind, number: this.#number++, data: JSON.stringify(content) });
    this.hurry();
  }

  /** Takes back what has not been sent to the session yet: its page or its connection is gone. */
  forget(to) {
    this.#outbox = this.#outbox.filter((one) => one.to !== to);
  }

  /** Tells that this page closes. It may only be reloaded, so that is no leaving. */
  bye() {
    const form = new FormData();
    form.set("csrfmiddlewaretoken", token());
    form.set("session", this.session);
    navigator.sendBeacon(this.#addresses.bye, form);
  }

  #pause() {
    if (this.#failures) return AGAIN;
    return this.isEager ? CONNECTING : CALM;
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  async #ask() {
    const [signals, got] = [this.#outbox.slice(0, AT_ONCE), this.#got.slice(0, 500)];
    try {
      const answer = await this.#post({ session: this.session, got, signals });
      if (answer.status === 404) return "outside"; // the browser has lost its cookie
      if (!answer.ok) throw new Error(answer.status);
      const content = await answer.json();
      this.#outbox = this.#outbox.filter((one) => !signals.includes(one));
      this.#got = this.#got.filter((one) => !got.includes(one));
      this.#connected();
      if (content.state === "inside") this.#take(content);
      return content.state;
    } catch (error) {
      if (!navigator.onLine || ++this.#failures === LOST) this.#tell("lost");
      this.#failures = Math.max(this.#failures, 1);
      return null;
    }
  }

  #post(content) {
    const headers = { "Content-Type": "application/json", "X-CSRFToken": token() };
    const options = { method: "POST", headers, body: JSON.stringify(content), cache: "no-store" };
    return fetch(this.#addresses.sync, { ...options, signal: AbortSignal.timeout(PATIENCE) });
  }

  #connected() {
    this.#failures = 0;
    this.#tell("found");
  }

  #take(content) {
    if (content.session !== this.session) {
      this.session = content.session;
      this.#outbox = [];
    }
    this.#got.push(...content.signals.map((one) => one.id).filter((id) => !this.#got.includes(id)));
    const isNew = (one) => !this.#seen.has(`${one.from} ${one.number}`);
    const signals = content.signals.filter((one) => one.to === this.session && isNew(one));
    for (const one of signals) this.#seen.add(`${one.from} ${one.number}`);
    this.#tell("answer", { ...content, signals });
  }
}

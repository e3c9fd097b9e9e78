// The calendar of a branch. The component draws the data of the server, and the server is asked about each dropped
// appointment. Times are minutes on the branch's clock since the first midnight, so the reader's own zone does not matter.

const EVERY = 5_000;
const AGAIN = 3_000;
const DAY = 1440;
const HOUR = 60;
const MINUTE = 60_000;
// The width in rem that an appointment needs so that a long name can be read.
const NAME = 7.25;
const COMPONENT = { day: "timeGridDay", week: "timeGridWeek", desks: "resourceTimeGridDay" };

const options = JSON.parse(document.querySelector("#calendar-options").textContent);
const { words } = options;
// The English pages write the day before the month, as people in Europe do.
const locale = document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang;
const shown = document.querySelector("#calendar-shown");
const root = document.querySelector("#calendar");
const status = document.querySelector("#calendar-status");
const [moveDialog, timeDialog] = ["#calendar-move", "#calendar-time"].map((id) => document.querySelector(id));
const first = Date.parse(`${options.since}T00:00Z`);
let { seen } = options;
let calendar = null;
let dragging = false;

// Times

const date = (minute) => new Date(first + minute * MINUTE);
const stamp = (minute) => date(minute).toISOString().slice(0, 19);
const minuteOf = (floating) => (Date.parse(`${floating}Z`) - first) / MINUTE;
const clock = (minute) => (minute % DAY || !minute ? stamp(minute).slice(11, 16) : "24:00");
const dayFormat = new Intl.DateTimeFormat(locale, { timeZone: "UTC", weekday: "long", day: "numeric", month: "long" });
const dayOf = (minute) => dayFormat.format(date(minute));
const filled = (text, values) => text.replace(/%\((\w+)\)s/g, (_all, name) => values[name]);

function element(name, className, ...children) {
  const made = document.createElement(name);
  made.className = className;
  made.append(...children);
  return made;
}

function icon(name) {
  const made = element("span", "material-symbols-outlined", name);
  made.setAttribute("aria-hidden", "true");
  return made;
}

// Changes

async function look() {
  if (document.hidden || dragging || moveDialog?.open || timeDialog?.open) return;
  try {
    const url = new URL(options.data, location.href);
    url.searchParams.set("seen", seen);
    const answer = await fetch(url);
    if (answer.status === 404) return void location.reload(); // the officer has been signed out
    if (!answer.ok) throw new Error(answer.status);
    say("");
    if (answer.status !== 204 && !dragging) await show(await answer.json());
  } catch {
    say(words.lost);
  }
}

function say(text) {
  if (status.textContent !== text) status.textContent = text;
}

async function show(data) {
  if (root) {
    draw(data);
  } else {
    const answer = await fetch(location.href);
    if (!answer.ok) throw new Error(answer.status);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    // The focused element keeps the focus.
    Idiomorph.morph(shown, page.querySelector("#calendar-shown").innerHTML, { morphStyle: "innerHTML" });
  }
  seen = data.seen;
}

// Drawing

function draw(data) {
  const focused = root.contains(document.activeElement) ? document.activeElement.id : null;
  const events = [...closedTimes(data), ...freeHours(data), ...appointments(data)];
  const grid = {
    resources: lanes(data).map((title, id) => ({ id, title })),
    slotMinTime: clock(data.hours[0]),
    slotMaxTime: clock(data.hours[1]),
    slotDuration: { minutes: data.step },
    slotHeight: rowHeight(data.step),
    columnWidth: `minmax(${Math.max(10, crowd(data) * NAME + 2)}rem, 1fr)`,
    hiddenDays: weekend(data),
  };
  if (calendar) change(grid, events);
  else calendar = EventCalendar.create(root, { ...settings(data), ...grid, events });
  drawn = { grid: texts(Object.entries(grid)), events: texts(events.map((event) => [event.id, event])) };
  sayClosed(data);
  say(data.reference.length || data.free.length ? "" : words.none);
  root.removeAttribute("aria-busy");
  requestAnimationFrame(() => {
    const room = roomOf(data);
    root.classList.toggle("calendar--narrow", room < 200);
    name();
    root.dispatchEvent(new CustomEvent("drawn", { detail: focused }));
  });
}

const texts = (pairs) => new Map(pairs.map(([key, value]) => [key, JSON.stringify(value)]));
let drawn = null;

/** Updates only the differences, so that a large week is not drawn again for each change. */
function change(grid, events) {
  for (const [name, value] of Object.entries(grid)) {
    if (drawn.grid.get(name) !== JSON.stringify(value)) calendar.setOption(name, value);
  }
  const wanted = new Set(events.map(({ id }) => id));
  for (const id of drawn.events.keys()) if (!wanted.has(id)) calendar.removeEventById(id);
  for (const event of events) {
    const before = drawn.events.get(event.id);
    if (before === undefined) calendar.addEvent(event);
    else if (before !== JSON.stringify(event)) calendar.updateEvent(event);
  }
}

/** Returns the largest number of appointments side by side. */
function crowd(data) {
  if (byDesk) return 1;
  const changes = data.start.flatMap((start, at) => [[start, 1], [start + lengthOf(data, at), -1]]);
  changes.sort(([minute, one], [other, two]) => minute - other || one - two);
  let [count, most] = [0, 1];
  for (const [, by] of changes) most = Math.max(most, (count += by));
  return most;
}

/** Returns the width of an appointment in pixels. If it is narrow, the name stands there without time and service. */
const roomOf = (data) => (root.querySelector(".ec-body .ec-day")?.clientWidth ?? 0) / crowd(data);

// An appointment takes at least one whole slot.
const lengthOf = (data, at) => Math.max(data.length[at], data.step);

function sayClosed(data) {
  const told = data.closed.map(([begins, ends, reason]) => {
    const hours = ends - begins < DAY ? ` ${clock(begins)}–${clock(ends)}` : "";
    return element("li", "", element("b", "", `${dayOf(begins)}${hours}`), ` ${reason}`);
  });
  document.querySelector("#calendar-closed").replaceChildren(...told);
}

function settings(data) {
  const now = Math.floor((Date.now() - first) / MINUTE) + offset();
  return {
    view: COMPONENT[options.view],
    date: options.since,
    timeZone: options.offset,
    locale,
    firstDay: 1,
    allDaySlot: false,
    headerToolbar: { start: "", center: "", end: "" },
    dayHeaderFormat: { weekday: "short", day: "numeric", month: "numeric" },
    eventTimeFormat: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
    slotLabelFormat: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
    slotLabelInterval: { minutes: HOUR },
    displayEventEnd: false,
    slotEventOverlap: false,
    nowIndicator: true,
    scrollTime: clock(Math.max(data.hours[0], 0 <= now && now < 7 * DAY ? (now % DAY) - HOUR : 0)),
    editable: true,
    eventDurationEditable: false,
    selectable: Boolean(options.block),
    eventContent: kept,
    eventDragStart: () => (dragging = true),
    eventDragStop: () => (dragging = false),
    eventDrop: dropped,
    dateClick: ({ dateStr }) => offer(minuteOf(dateStr), minuteOf(dateStr) + data.step),
    select: ({ startStr, endStr }) => offer(minuteOf(startStr), minuteOf(endStr)),
  };
}

/** Returns the height in pixels, large enough to click and for a long name on three lines. */
const rowHeight = (minutes) => Math.max(46, Math.min(minutes * 2, 60));

function offset() {
  const [, sign, hours, minutes] = /([+-])(\d\d):(\d\d)/.exec(options.offset);
  return Number(`${sign}1`) * (Number(hours) * HOUR + Number(minutes));
}

const byDesk = options.view === "desks";
const lanes = (data) => (byDesk ? [...data.lanes, words.free_column] : []);
const inLane = (lane) => (byDesk ? { resourceIds: [lane] } : {});

function weekend(data) {
  const used = new Set([...data.start, ...data.free.map(([begins]) => begins)].map((minute) => Math.floor(minute / DAY)));
  return options.view === "week" ? [5, 6].filter((day) => !used.has(day)).map((day) => (day + 1) % 7) : [];
}

function appointments(data) {
  const texts = (name, at) => data[name][0][data[name][1][at]];
  return data.reference.map((reference, at) => {
    const one = { reference, minute: data.start[at], column: byDesk ? data.lane[at] : Math.floor(data.start[at] / DAY) };
    for (const name of ["status", "channel", "procedure", "officer"]) one[name] = texts(name, at);
    return {
      id: reference,
      title: data.name[at] || words.no_name,
      start: stamp(data.start[at]),
      end: stamp(data.start[at] + lengthOf(data, at)),
      startEditable: options.movable.includes(one.status),
      classNames: ["appointment", `appointment--${one.status}`, ...(lengthOf(data, at) === data.step ? ["appointment--short"] : [])],
      extendedProps: one,
      ...inLane(one.column),
    };
  });
}

function freeHours(data) {
  const column = (begins) => (byDesk ? data.lanes.length : Math.floor(begins / DAY));
  return data.free
    .filter(([, free]) => free)
    .map(([begins, free, places]) => ({
      ...background(begins, begins + HOUR, "hour", column(begins)),
      extendedProps: { begins, free, places, column: column(begins) },
    }));
}

const background = (begins, ends, className, lane) => ({
  id: `${className}-${begins}-${ends}-${lane}`,
  start: stamp(begins),
  end: stamp(ends),
  display: "background",
  classNames: [className],
  ...inLane(lane),
});

/** Returns the times without a planned desk (in the view by desk: without this desk), and the closures with reasons. */
function closedTimes(data) {
  const found = [];
  for (const [lane] of (byDesk ? data.lanes : [0]).entries()) {
    for (let day = 0; day < (options.view === "week" ? 7 : 1); day += 1) {
      let since = day * DAY;
      const open = data.desks.filter(([begins, , desks]) => Math.floor(begins / DAY) === day && desks > lane);
      for (const [begins, ends] of [...open, [(day + 1) * DAY]]) {
        if (begins > since) found.push(background(since, begins, "closed", lane));
        since = ends;
      }
    }
  }
  for (const [begins, ends, reason] of data.closed) {
    const at = { ...background(begins, ends, "closure", byDesk ? data.lanes.length : 0), extendedProps: { reason } };
    found.push(at);
  }
  return found;
}

const contents = new WeakMap();

/** Returns the same content for the same event, so that the component does not redraw it. A dragged event gets a copy. */
function kept({ event, timeText }) {
  if (event.display === "preview") return { domNodes: content(event, timeText) };
  const before = contents.get(event.extendedProps);
  if (before?.timeText === timeText) return before.shown;
  const shown = { domNodes: content(event, timeText) };
  contents.set(event.extendedProps, { timeText, shown });
  return shown;
}

function content(event, timeText) {
  const one = event.extendedProps;
  if (one.reference) return [appointmentLink(event, one, timeText)];
  if (one.places) return [hourLink(one)];
  return one.reason ? [element("span", "closure__reason", one.reason)] : [];
}

function appointmentLink(event, one, timeText) {
  const [state, stateIcon] = options.statuses[one.status];
  const [channel, channelIcon] = options.channels[one.channel];
  const name = element("span", "appointment__name", event.title);
  const text = element("span", "appointment__text", name, " ", element("b", "", timeText), " ", element("span", "appointment__service", one.procedure));
  const link = element("a", "appointment__link", element("span", "appointment__icons", icon(stateIcon), icon(channelIcon)), text);
  link.href = options.appointment.replace("REFERENCE", one.reference);
  link.draggable = false; // the component drags it, not the browser
  link.id = `appointment-${one.reference}`;
  // Begins with the visible text, so that people with speech input can say it.
  const said = [`${event.title} ${timeText} ${one.procedure}`, dayOf(one.minute), channel, state, one.officer].filter(Boolean);
  link.setAttribute("aria-label", said.join(", "));
  link.title = [event.title, timeText, one.procedure, channel, state, one.officer].filter(Boolean).join("\n");
  return placed(link, one.minute, one.column);
}

function hourLink({ begins, free, places, column }) {
  const told = filled(words[free === 1 ? "free_one" : "free"], { count: free });
  const [number, ...word] = told.split(" ");
  const link = element("a", "hour__free", number, element("span", "hour__word", ` ${word.join(" ")}`));
  link.href = `${options.book}&from=${stamp(begins).slice(0, 10)}`;
  link.id = `hour-${begins}`;
  const when = `${dayOf(begins)}, ${clock(begins)}–${clock(begins + HOUR)}`;
  link.setAttribute("aria-label", filled(words.free_in, { free: told, when, places }));
  link.addEventListener("click", (click) => {
    if (click.ctrlKey || click.metaKey) return;
    click.preventDefault();
    offer(begins, begins + HOUR);
  });
  return placed(link, begins, column);
}

function placed(link, minute, column) {
  Object.assign(link.dataset, { minute, column });
  link.tabIndex = -1;
  return link;
}

/** Names the calendar a group of links. The component calls it a table, whose cells are empty for screen readers. */
function name() {
  const frame = root.querySelector(".ec");
  frame.setAttribute("role", "group");
  frame.setAttribute("aria-labelledby", "calendar-heading");
  frame.setAttribute("aria-describedby", "calendar-keys");
  for (const part of frame.querySelectorAll("[role=row], [role=rowgroup], [role=cell], [role=columnheader]")) {
    part.removeAttribute("role");
    part.removeAttribute("aria-colindex");
  }
  for (const part of frame.querySelectorAll("aside")) part.setAttribute("role", "presentation");
  for (const part of frame.querySelectorAll("time[aria-label]")) part.removeAttribute("aria-label");
}

// A free time: book, or block

function offer(begins, ends) {
  timeDialog.querySelector("h2").textContent = `${dayOf(begins)}, ${clock(begins)}–${clock(ends)}`;
  timeDialog.querySelector("#calendar-book").href = `${options.book}&from=${stamp(begins).slice(0, 10)}`;
  const block = timeDialog.querySelector("#calendar-block");
  const [day, from, until] = [stamp(begins).slice(0, 10), clock(begins), ends % DAY ? clock(ends) : "23:59"];
  if (block) block.href = `${options.block}&from_date=${day}&until_date=${day}&from_time=${from}&until_time=${until}`;
  timeDialog.showModal();
}

// Moving: the server shows the effects, the officer confirms, the server moves the appointment

let putBack = null;

function dropped({ event, delta, revert }) {
  const minute = event.extendedProps.minute + delta.days * DAY + delta.seconds / 60;
  putBack = revert;
  if (minute === event.extendedProps.minute) return settled(false);
  const url = `${options.moving.replace("REFERENCE", event.id)}?at=${stamp(minute).slice(0, 16)}`;
  moveDialog.replaceChildren(Object.assign(element("p", "quiet", "…"), { id: "calendar-move-title" }));
  moveDialog.showModal();
  ask(url, {});
}

/** Asks until there is an answer or the dialog is closed. A lost connection is shown, and no data is lost. */
async function ask(url, request) {
  while (moveDialog.open) {
    try {
      const answer = await fetch(url, request);
      if (answer.redirected) return void location.reload();
      if (answer.status >= 500) throw new Error(answer.status);
      lost(false);
      if (answer.status === 204) return settled(true);
      moveDialog.innerHTML = await answer.text();
      moveDialog.querySelector("button[type=submit], [data-close]")?.focus();
      return;
    } catch {
      lost(true);
      await new Promise((resolve) => setTimeout(resolve, AGAIN));
    }
  }
}

function lost(is) {
  say(is ? words.lost : "");
  const told = moveDialog.querySelector("[data-lost]");
  if (told) told.hidden = !is;
  else if (is) moveDialog.querySelector("p").textContent = words.lost;
}

function settled(moved) {
  if (!moved) putBack?.();
  putBack = null;
  if (moveDialog.open) moveDialog.close();
  look();
}

function watchDialogs() {
  moveDialog.addEventListener("submit", (event) => {
    event.preventDefault();
    const button = event.target.querySelector("button[type=submit]");
    button.disabled = true;
    ask(event.target.action, { method: "POST", body: new FormData(event.target) });
  });
  moveDialog.addEventListener("click", (event) => event.target.closest("[data-close]") && moveDialog.close());
  moveDialog.addEventListener("close", () => putBack && settled(false));
  timeDialog.addEventListener("close", () => calendar?.unselect());
}

if (root) {
  watchDialogs();
  look();
}
setInterval(look, EVERY);
document.addEventListener("visibilitychange", look);

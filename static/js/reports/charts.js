// Draws the tables of a page of figures. A drawing is made from the cells of its table, so both say the same. The library is
// Observable Plot (globals Plot and d3); colours are those of charts.css, so dark, print and forced colours need no drawing.

import { fetched, map } from "./map.js";
import { save } from "./saving.js";

const Plot = window.Plot;
const language = document.documentElement.lang;
const count = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
const short = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 });
const monthName = new Intl.DateTimeFormat(language, { month: "short", timeZone: "UTC" });
const monthOfYear = new Intl.DateTimeFormat(language, { month: "long", year: "numeric", timeZone: "UTC" });
const SERIES = 6;
const NARROW = 600; // pixels
const colour = (number) => `var(--series-${(number % SERIES) + 1})`;

// Reads a table: its rows by their first cell, and the figures that are drawn.
function read(figure) {
  const table = figure.parentElement.querySelector("table");
  const heads = [...table.tHead.rows[0].cells];
  const wanted = figure.dataset.figures.split(" ").filter(Boolean);
  const series = heads.map((head, place) => ({ name: head.dataset.name, label: head.textContent.trim(), place })).filter((one) => wanted.includes(one.name));
  const rows = [...table.tBodies[0].rows].map((row) => {
    const key = row.cells[0];
    const time = key.querySelector("time")?.dateTime;
    return {
      short: key.querySelector("[data-short]")?.dataset.short,
      key: time ? new Date(time.length === 7 ? `${time}-01T00:00:00Z` : `${time}T00:00:00Z`) : key.textContent.trim(),
      values: series.map(({ place }) => {
        const value = row.cells[place].querySelector("data")?.value;
        return value === undefined ? null : Number(value);
      }),
    };
  });
  return { series, rows, unit: figure.dataset.unit, isRunning: "running" in figure.dataset };
}

const long = ({ rows, series }) => rows.flatMap(({ key, values }) => values.map((value, number) => ({ key, value, series: series[number].label, number })));
const written = (value, unit) => (unit === "percent" ? `${count.format(value)} %` : count.format(value));

function tickOfMonth(month, place, width, all) {
  const each = Math.max(1, Math.ceil(all / Math.max(2, Math.floor(width / 56))));
  if (place % each) return "";
  return month.getUTCMonth() === 0 || place === 0 ? `${monthName.format(month)}\n${month.getUTCFullYear()}` : monthName.format(month);
}

function overMonths(rows, width) {
  const months = rows.map(({ key }) => key);
  const isTime = months[0] instanceof Date;
  return {
    type: isTime ? "point" : "band",
    domain: months,
    label: null,
    tickSize: 0,
    tickFormat: isTime ? (month) => tickOfMonth(month, months.findIndex((one) => +one === +month), width, months.length) : undefined,
  };
}

// Half a visit is no visit: an axis of few of them has whole numbers alone.
const amount = (value, unit) => (unit === "count" && !Number.isInteger(value) ? "" : short.format(value));
const amounts = (unit, more = {}) => ({ grid: true, label: null, zero: true, nice: true, tickSize: 0, ticks: 5, tickFormat: (value) => (unit === "percent" ? `${value} %` : amount(value, unit)), ...more });
const nameOf = (key) => (key instanceof Date ? monthOfYear.format(key) : key);

const tip = (points, unit, place) => Plot.tip(points, Plot.pointer({ ...place, title: (point) => `${nameOf(point.key)}\n${point.series}: ${written(point.value, unit)}`, fill: "var(--ground)", stroke: "var(--line)", fontSize: 13 }));

// The names of the series stand at the ends of their lines, pushed apart where these are close. On a phone they stand above.
function endLabels(data, height) {
  const ends = data.series.map((one, number) => {
    const last = data.rows.findLast(({ values }) => values[number] !== null);
    return last && { key: data.rows.at(-1).key, value: last.values[number], label: one.label, number };
  }).filter(Boolean).sort((a, b) => b.value - a.value);
  const most = Math.max(1, ...data.rows.flatMap(({ values }) => values));
  const gap = (18 / height) * most;
  let above = Infinity;
  for (const end of ends) above = end.at = Math.min(end.value, above - gap);
  const under = Math.min(0, ends.at(-1)?.at ?? 0);
  return ends.map((end) => ({ ...end, at: end.at - under }));
}

// A month that is not over has less than it will have: the way to it is dashed.
function course(points, data, options) {
  const last = data.rows.at(-1).key, before = data.rows.at(-2)?.key;
  if (!data.isRunning || before === undefined) return [Plot.line(points, options)];
  return [
    Plot.line(points.filter(({ key }) => key !== last), options),
    Plot.line(points.filter(({ key }) => key === last || key === before), { ...options, strokeDasharray: "3 4" }),
  ];
}

function lines(data, width) {
  const isNarrow = width < NARROW;
  const height = isNarrow ? 240 : 320;
  const points = long(data).filter(({ value }) => value !== null);
  const labels = endLabels(data, height - 60);
  const room = Math.min(200, 16 + 7.5 * Math.max(...data.series.map(({ label }) => label.length)));
  return Plot.plot({
    width, height, marginLeft: 48, marginRight: isNarrow ? 12 : room, marginBottom: 36,
    x: overMonths(data.rows, width - 48 - (isNarrow ? 12 : room)), y: amounts(data.unit),
    marks: [
      Plot.ruleY([0], { stroke: "currentColor" }),
      ...course(points, data, { x: "key", y: "value", z: "series", stroke: (point) => colour(point.number), strokeWidth: 2.5 }),
      Plot.dot(points, { x: "key", y: "value", r: data.rows.length > 36 ? 0 : 2.5, fill: (point) => colour(point.number) }),
      isNarrow ? null : Plot.text(labels, { x: "key", y: "at", text: "label", dx: 8, textAnchor: "start", fill: (end) => colour(end.number), fontSize: 14, fontWeight: 500 }),
      tip(points, data.unit, { x: "key", y: "value" }),
    ],
  });
}

function stacks(data, width) {
  const points = long(data);
  return Plot.plot({
    width, height: width < NARROW ? 240 : 320, marginLeft: 48, marginRight: 12, marginBottom: 36,
    x: { ...overMonths(data.rows, width - 60), type: "band", padding: 0.2 }, y: amounts(data.unit),
    marks: [
      Plot.barY(points, Plot.stackY({ x: "key", y: "value", z: "series", fill: (point) => colour(point.number), order: data.series.map(({ label }) => label), insetTop: 1 })),
      Plot.ruleY([0], { stroke: "currentColor" }),
      Plot.tip(points, Plot.pointer(Plot.stackY({ x: "key", y: "value", z: "series", order: data.series.map(({ label }) => label), title: (point) => `${nameOf(point.key)}\n${point.series}: ${written(point.value, data.unit)}`, fill: "var(--ground)", stroke: "var(--line)", fontSize: 13 }))),
    ],
  });
}

function multiples(data, width) {
  const panels = document.createElement("div");
  panels.className = "chart__panels";
  const each = Math.max(1, Math.min(data.series.length, Math.floor(width / 260)));
  panels.classList.add(`chart__panels--${each}`);
  const wide = Math.floor((width - (each - 1) * 24) / each);
  data.series.forEach(({ label }, number) => {
    const points = data.rows.map(({ key, values }) => ({ key, value: values[number], series: label })).filter(({ value }) => value !== null);
    panels.append(Plot.plot({
      width: wide, height: 150, marginLeft: 44, marginRight: 10, marginTop: 30, marginBottom: 34,
      x: overMonths(data.rows, wide - 54), y: amounts(data.unit, { ticks: 3 }),
      marks: [
        Plot.text([label], { frameAnchor: "top-left", dx: -44, dy: -26, fontSize: 15, fontWeight: 700, fill: "var(--color-base-content)" }),
        Plot.areaY(points, { x: "key", y: "value", fill: colour(0), fillOpacity: 0.15 }),
        ...course(points, data, { x: "key", y: "value", stroke: colour(0), strokeWidth: 2 }),
        Plot.ruleY([0], { stroke: "currentColor" }),
        tip(points, data.unit, { x: "key", y: "value" }),
      ],
    }));
  });
  return panels;
}

// Names stand left of their row, or above it on a phone.
function rowsWithNames(data, width, marks, x, right = 60) {
  const isNarrow = width < NARROW;
  const names = data.rows.map(({ key }) => key);
  const left = isNarrow ? 4 : Math.min(width * 0.4, 16 + 7.2 * Math.max(...names.map((name) => name.length)));
  const fits = Math.floor((isNarrow ? width - 20 : left - 12) / 7.2);
  const shortened = (name) => (name.length > fits ? `${name.slice(0, fits - 1)}…` : name);
  const each = isNarrow ? 48 : 32;
  return Plot.plot({
    width, height: 40 + each * names.length, marginLeft: left, marginRight: right, marginTop: 8, marginBottom: 28,
    x, y: { type: "band", domain: names, label: null, axis: isNarrow ? null : "left", tickSize: 0, tickFormat: shortened, padding: isNarrow ? 0.55 : 0.3 },
    style: { fontSize: "14px" },
    marks: [
      ...marks,
      isNarrow ? Plot.text(data.rows, { y: "key", frameAnchor: "left", dx: 0, dy: -19, text: (row) => shortened(row.key), textAnchor: "start", fill: "var(--color-base-content)", fontSize: 13 }) : null,
    ],
  });
}

function bars(data, width) {
  const rows = data.rows.filter(({ values }) => values[0] !== null);
  return rowsWithNames({ ...data, rows }, width, [
    Plot.barX(rows, { y: "key", x: ({ values }) => values[0], fill: colour(0) }),
    Plot.text(rows, { y: "key", x: ({ values }) => values[0], text: ({ values }) => written(values[0], data.unit), dx: 6, textAnchor: "start", fill: "var(--color-base-content)", fontSize: 14 }),
    Plot.ruleX([0], { stroke: "currentColor" }),
  ], { axis: null, zero: true }, 76);
}

function intervals(data, width) {
  const rows = data.rows.filter(({ values }) => values[0] !== null);
  return rowsWithNames({ ...data, rows }, width, [
    Plot.gridX({ stroke: "var(--line)" }),
    Plot.ruleY(rows, { y: "key", x1: ({ values }) => values[1], x2: ({ values }) => values[2], stroke: colour(0), strokeWidth: 3, strokeOpacity: 0.55 }),
    Plot.dot(rows, { y: "key", x: ({ values }) => values[0], r: 5.5, fill: colour(0) }),
    Plot.text(rows, { y: "key", x: ({ values }) => values[2], text: ({ values }) => written(values[0], data.unit), dx: 8, textAnchor: "start", fill: "var(--color-base-content)", fontSize: 14 }),
  ], { label: null, nice: true, tickSize: 0, ticks: 5, tickFormat: (value) => written(value, data.unit) }, 70);
}

function heat(data, width) {
  const cells = long(data);
  const most = Math.max(1, ...cells.map(({ value }) => value));
  const isNarrow = width < NARROW;
  const names = new Map(data.series.map(({ label }) => [label, isNarrow ? label.slice(0, 2) : label]));
  return Plot.plot({
    width, height: 40 + 30 * data.rows.length, marginLeft: 52, marginTop: 30, marginRight: 4, padding: 0.06,
    x: { type: "band", domain: data.series.map(({ label }) => label), axis: "top", label: null, tickSize: 0, tickFormat: (label) => names.get(label) },
    y: { type: "band", domain: data.rows.map(({ key }) => key), label: null, tickSize: 0 },
    style: { fontSize: "13px" },
    marks: [
      Plot.cell(cells, { x: "series", y: "key", fill: colour(0), fillOpacity: ({ value }) => 0.04 + 0.9 * (value / most) }),
      isNarrow ? null : Plot.text(cells, { x: "series", y: "key", text: ({ value }) => (value ? short.format(value) : ""), fill: ({ value }) => (value / most > 0.45 ? "var(--ground)" : "var(--color-base-content)"), fontSize: 13 }),
      Plot.tip(cells, Plot.pointer({ x: "series", y: "key", title: ({ key, series, value }) => `${series}, ${key}\n${count.format(value)}`, fill: "var(--ground)", stroke: "var(--line)", fontSize: 13 })),
    ],
  });
}

// The names of the series above the drawing, where they do not stand in it.
function legend(data, kind, width) {
  const isNeeded = kind === "stacks" || (kind === "lines" && width < NARROW && data.series.length > 1);
  if (!isNeeded) return [];
  const list = document.createElement("ul");
  list.className = "chart__legend";
  data.series.forEach(({ label }, number) => {
    const item = document.createElement("li");
    item.className = `chart__series chart__series--${number + 1}`;
    item.textContent = label;
    list.append(item);
  });
  return [list];
}

const KINDS = { lines, stacks, multiples, bars, intervals, heat, map: (data, width) => map(data, width, written) };

function draw(figure) {
  const place = figure.querySelector(".chart__drawing");
  const width = Math.floor(place.clientWidth);
  if (!width) return; // nobody sees it; it is drawn when it has a width
  const data = read(figure);
  const drawing = KINDS[figure.dataset.chart](data, width);
  drawing.setAttribute("role", "img");
  drawing.setAttribute("aria-label", `${figure.dataset.title}. ${figure.dataset.described}`);
  // The library names its parts for programmers. Within a picture they are nothing for readers.
  for (const part of drawing.querySelectorAll("[aria-label]")) part.removeAttribute("aria-label");
  place.replaceChildren(...legend(data, figure.dataset.chart, width), drawing);
  place.dataset.width = width;
}

const watched = new ResizeObserver((entries) => {
  for (const { target } of entries) if (Math.floor(target.clientWidth) !== Number(target.dataset.width)) draw(target.closest("figure"));
});

const hasMore = (figure) => read(figure).rows.some(({ values }) => values.some(Boolean));

async function begin(figure) {
  if (figure.dataset.land) await fetched(figure.dataset.land);
  figure.hidden = false;
  draw(figure);
  watched.observe(figure.querySelector(".chart__drawing"));
  figure.parentElement.querySelector(".shown__table").open = false;
  figure.addEventListener("click", (event) => {
    const kind = event.target.dataset?.save;
    if (kind) save(figure, kind);
  });
}

// A table of zeros, or of what nobody knows, stands as it is: there is nothing to draw.
for (const figure of [...document.querySelectorAll("[data-chart]")].filter(hasMore)) begin(figure);
// On paper the tables stand below their drawings.
addEventListener("beforeprint", () => {
  for (const table of document.querySelectorAll(".shown__table")) table.open = true;
});

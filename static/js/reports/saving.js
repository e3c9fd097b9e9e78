// Saves a drawing as SVG or PNG: with its title, unit and source, with the colours as they are on the page, and alone.

const NAMESPACE = "http://www.w3.org/2000/svg";
const COPIED = ["fill", "fill-opacity", "stroke", "stroke-opacity", "stroke-width", "stroke-dasharray", "font-size", "font-weight", "font-family", "text-anchor", "color"];
const EDGE = 24, TITLE = 68, FOOT = 36; // pixels

export async function save(figure, kind) {
  const svg = alone(figure);
  const text = new XMLSerializer().serializeToString(svg);
  const blob = kind === "svg" ? new Blob([text], { type: "image/svg+xml" }) : await png(text, Number(svg.getAttribute("width")), Number(svg.getAttribute("height")));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${figure.dataset.name}.${kind}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function element(name, attributes, text = "") {
  const made = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

// Returns the drawing as one picture that needs nothing of the page.
function alone(figure) {
  const place = figure.querySelector(".chart__drawing").getBoundingClientRect();
  const style = getComputedStyle(figure);
  const ink = style.color, ground = getComputedStyle(document.body).backgroundColor;
  const width = Math.ceil(place.width) + 2 * EDGE, height = Math.ceil(place.height) + TITLE + FOOT + EDGE;
  const svg = element("svg", { xmlns: NAMESPACE, width, height, viewBox: `0 0 ${width} ${height}`, "font-family": "Roboto, Arial, sans-serif" });
  svg.append(
    element("title", {}, figure.dataset.title),
    element("rect", { width, height, fill: ground === "rgba(0, 0, 0, 0)" ? "white" : ground }),
    element("text", { x: EDGE, y: 34, fill: ink, "font-size": 20, "font-weight": 700 }, figure.dataset.title),
    element("text", { x: EDGE, y: 56, fill: ink, "font-size": 14 }, figure.querySelector(".chart__unit").textContent),
    element("text", { x: EDGE, y: height - 16, fill: ink, "font-size": 13 }, figure.dataset.source),
  );
  for (const drawing of figure.querySelectorAll(".chart__drawing svg")) svg.append(placed(drawing, place));
  for (const name of figure.querySelectorAll(".chart__series")) svg.append(...named(name, place));
  return svg;
}

function placed(drawing, place) {
  const box = drawing.getBoundingClientRect();
  const copy = drawing.cloneNode(true);
  const all = [drawing, ...drawing.querySelectorAll("*")];
  [copy, ...copy.querySelectorAll("*")].forEach((part, number) => {
    const style = getComputedStyle(all[number]);
    for (const name of COPIED) part.setAttribute(name, style.getPropertyValue(name));
    part.removeAttribute("style");
    part.removeAttribute("class");
  });
  for (const style of copy.querySelectorAll("style")) style.remove();
  for (const [key, value] of Object.entries({ x: EDGE + box.x - place.x, y: TITLE + box.y - place.y, overflow: "visible" })) copy.setAttribute(key, value);
  return copy;
}

function named(name, place) {
  const box = name.getBoundingClientRect();
  const x = EDGE + box.x - place.x, y = TITLE + box.y - place.y;
  const style = getComputedStyle(name);
  const fill = getComputedStyle(name, "::before").backgroundColor;
  return [element("rect", { x, y: y + 5, width: 12, height: 12, fill }), element("text", { x: x + 18, y: y + 16, fill: style.color, "font-size": 14 }, name.textContent)];
}

async function png(text, width, height) {
  const picture = new Image(width, height);
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await picture.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [2 * width, 2 * height];
  const context = canvas.getContext("2d");
  context.scale(2, 2);
  context.drawImage(picture, 0, 0, width, height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

// Draws branches on a map of the world: a circle at each place, whose area is its figure. The coasts are a file of our own, and
// the libraries are Observable Plot (global Plot), d3 and topojson. Colours are those of charts.css.

const { Plot, d3 } = window;
// What each map shows: the corners of a part of the world, in degrees.
const corners = (west, south, east, north) => ({ type: "MultiPoint", coordinates: [[west, south], [east, south], [west, north], [east, north], [(west + east) / 2, north], [(west + east) / 2, south]] });
const WORLD = { type: "MultiPoint", coordinates: [[-168, 0], [190, 0], [0, 76], [0, -54]] };
const CROWDED = { west: -11, south: 30, east: 46, north: 64 };
const LETTER = 7.4, LINE = 15; // pixels
const LABELS = 24;

let coasts;

// Fetches the coasts. Without them there is no drawing: the table says it all.
export async function fetched(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`The coasts could not be fetched: ${answer.status}`);
  const world = await answer.json();
  coasts = window.topojson.feature(world, world.objects.land);
}

// Returns where a name may stand beside its circle: to the right, to the left, above or below.
function besides({ x, y, r, wide }) {
  const box = (left, top, dx, dy, textAnchor) => ({ left, top, right: left + wide, bottom: top + LINE, dx, dy, textAnchor });
  return [
    box(x + r + 4, y - LINE / 2, r + 4, 0, "start"),
    box(x - r - 4 - wide, y - LINE / 2, -r - 4, 0, "end"),
    box(x - wide / 2, y - r - LINE - 1, 0, -r - 3 - LINE / 2, "middle"),
    box(x - wide / 2, y + r + 1, 0, r + 3 + LINE / 2, "middle"),
  ];
}

const meet = (one, other) => one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;

// Names the largest circles, as many as there is room for: no name lies on another one or on a circle, or goes over the edge.
function labelled(points, width, height, isNamed) {
  const taken = points.map(({ x, y, r }) => ({ left: x - r, right: x + r, top: y - r, bottom: y + r }));
  const named = [];
  for (const [number, point] of points.entries()) {
    if (named.length === LABELS) break;
    if (!isNamed(point)) continue;
    const others = taken.filter((_, place) => place !== number);
    const free = besides(point).find((box) => box.left > 0 && box.right < width && box.top > 0 && box.bottom < height && !others.some((other) => meet(box, other)));
    if (!free) continue;
    taken.push(free);
    named.push({ ...point, ...free });
  }
  return named;
}

// Returns the branches, the largest first, so that small circles lie on large ones. An area stands for the same in all maps.
function places(data, width) {
  const found = data.rows.filter(({ values }) => values.every((value) => value !== null)).sort((a, b) => b.values[0] - a.values[0]);
  const most = Math.max(1e-9, found[0]?.values[0] ?? 0);
  const largest = Math.max(8, Math.min(18, width / 60));
  return found.map(({ key, short, values: [value, latitude, longitude] }) => ({
    key, short: short || key, value, latitude, longitude, r: Math.max(1.5, largest * Math.sqrt(Math.max(0, value) / most)), wide: LETTER * (short || key).length,
  }));
}

const isCrowded = ({ longitude, latitude }) => longitude > CROWDED.west && longitude < CROWDED.east && latitude > CROWDED.south && latitude < CROWDED.north;

// Draws a map with the names of some of its branches. `projection` shows a part of the world, and nothing beyond `height`.
function drawn(data, branches, { width, height, projection, isNamed, isFramed = false, written }) {
  projection.clipExtent([[0, 0], [width, height]]);
  const points = branches.map((one) => { const [x, y] = projection([one.longitude, one.latitude]); return { ...one, x, y }; }).filter(({ x, y }) => x > 0 && x < width && y > 0 && y < height);
  const place = { x: "longitude", y: "latitude" };
  return Plot.plot({
    width, height, margin: 0, projection: () => projection, r: { type: "identity" },
    marks: [
      Plot.geo(coasts, { fill: "var(--land)", stroke: "var(--coast)", strokeWidth: 0.5 }),
      Plot.dot(points, { ...place, r: "r", fill: "var(--series-1)", fillOpacity: 0.6, stroke: "var(--ground)", strokeWidth: 1 }),
      ...labelled(points, width, height, isNamed).map((one) => Plot.text([one], { ...place, text: [one.short], dx: one.dx, dy: one.dy, textAnchor: one.textAnchor, fill: "var(--color-base-content)", stroke: "var(--ground)", strokeWidth: 3, fontSize: 13 })),
      isFramed ? Plot.frame({ stroke: "var(--line)" }) : null,
      Plot.tip(points, Plot.pointer({ ...place, title: ({ key, value }) => `${key}\n${data.series[0].label}: ${written(value, data.unit)}`, fill: "var(--ground)", stroke: "var(--line)", fontSize: 13 })),
    ],
  });
}

// Draws the world, and once more where many branches lie close to each other: Europe and the Mediterranean.
export function map(data, width, written) {
  const branches = places(data, width);
  const isEnlarged = branches.filter(isCrowded).length > 2;
  const world = d3.geoEqualEarth().rotate([-11, 0]).fitWidth(width - 2, WORLD);
  const height = Math.ceil(d3.geoPath(world).bounds(WORLD)[1][1]);
  const maps = document.createElement("div");
  maps.className = "chart__panels";
  maps.append(drawn(data, branches, { width, height, projection: world, isNamed: (one) => !isEnlarged || !isCrowded(one), written }));
  if (!isEnlarged) return maps;
  const { west, south, east, north } = CROWDED;
  const high = Math.round(width * (width < 600 ? 0.9 : 0.62));
  const near = d3.geoConicConformal().rotate([-16, 0]).parallels([36, 60]).fitExtent([[2, 2], [width - 2, high - 2]], corners(west, south + 3, east, north - 2));
  maps.append(drawn(data, branches, { width, height: high, projection: near, isNamed: () => true, isFramed: true, written }));
  return maps;
}

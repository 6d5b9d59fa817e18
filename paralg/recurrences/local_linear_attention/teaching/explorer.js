/* One query among 235 households: the weighted mean that softmax attention reads, the weighted line
 * that local linear attention reads, and each household's share in the line's answer. */

const WIDTH = 660;
const BOX = { left: 58, right: 646 };
const TOP = { top: 12, bottom: 250 }; // data and fits
const LOW = { top: 282, bottom: 372 }; // shares
const PLACES = Array.from({ length: 98 }, (_, i) => 0.25 + i * 0.05);

const place = kit.linear([0, 5.3], [BOX.left, BOX.right]);
const income = (px) => ((px - BOX.left) / (BOX.right - BOX.left)) * 5.3;
const height = kit.linear([0, 2.2], [TOP.bottom, TOP.top]);

/* ---- the two estimates, as in paralg.recurrences.local_linear_attention.reference ---- */

function fit(x, y, q, h, ridge) {
  const far = Math.min(...x.map((one) => (one - q) ** 2));
  let omega = 0, mu = 0, sigma = ridge, first = 0, mixed = 0;
  const w = x.map((one, j) => {
    const z = one - q;
    const weight = Math.exp((-0.5 * (z * z - far)) / (h * h));
    omega += weight; mu += weight * z; sigma += weight * z * z;
    first += weight * y[j]; mixed += weight * z * y[j];
    return weight;
  });
  const rho = mu / sigma;
  const delta = omega - mu * rho;
  const line = (first - rho * mixed) / delta;
  return { w, rho, delta, omega, mean: first / omega, line, slope: (mixed - mu * line) / sigma,
    shares: x.map((one, j) => (w[j] * (1 - rho * (one - q))) / delta) };
}

/* Points outside the picture are left out, and the line begins anew after them. */
function path(points) {
  let pen = false;
  return points.map(([x, y]) => {
    const inside = y > -0.05 && y < 2.3;
    const word = inside ? `${pen ? "L" : "M"}${place(x).toFixed(1)} ${height(y).toFixed(1)}` : "";
    pen = inside;
    return word;
  }).join("");
}
const stroke = (color, width, dash) => ({ fill: "none", stroke: color, "stroke-width": width, "stroke-dasharray": dash });
const segment = (x1, y1, x2, y2, attrs) => kit.svg("line", { x1, y1, x2, y2, ...attrs });

function drawAxes(picture) {
  kit.axis(picture, { side: "left", at: BOX.left, from: TOP.bottom, to: TOP.top, scale: height, values: [0, 1, 2], label: "food" });
  kit.axis(picture, { side: "bottom", at: LOW.bottom, from: BOX.left, to: BOX.right, scale: place, values: [0, 1, 2, 3, 4, 5], label: "income, thousand francs" });
}

function drawData(layer, x, y, found) {
  x.forEach((one, j) => layer.append(kit.svg("circle", { cx: place(one), cy: height(y[j]), r: 2 + 2.5 * Math.sqrt(found.w[j]),
    class: "pe-fill-grey", "fill-opacity": 0.25 + 0.5 * found.w[j] })));
}

function drawFits(layer, curves, found, q, h) {
  for (const [key, color, dash] of [["mean", kit.colors.blue, "5 4"], ["line", kit.colors.vermilion, null]]) {
    const points = curves.map((one, i) => [PLACES[i], one[key]]);
    layer.append(kit.svg("path", { d: path(points), ...stroke(color, 1.6, dash) }));
  }
  const ends = [Math.max(0, q - h), Math.min(5.3, q + h)];
  const clip = (v) => kit.clamp(height(v), TOP.top - 4, TOP.bottom);
  layer.append(segment(place(ends[0]), clip(found.mean), place(ends[1]), clip(found.mean), { stroke: kit.colors.blue, "stroke-width": 4 }));
  const tilted = ends.map((one) => found.line + found.slope * (one - q));
  layer.append(segment(place(ends[0]), clip(tilted[0]), place(ends[1]), clip(tilted[1]), { stroke: kit.colors.vermilion, "stroke-width": 4 }));
  layer.append(kit.svg("circle", { cx: place(q), cy: clip(found.mean), r: 5, class: "pe-fill-blue" }));
  const [cx, cy] = [place(q), clip(found.line)];
  layer.append(kit.svg("rect", { x: cx - 5, y: cy - 5, width: 10, height: 10, class: "pe-fill-vermilion" }));
}

function drawShares(layer, x, found) {
  const most = Math.max(...found.shares.map(Math.abs));
  const level = kit.linear([-most, most], [LOW.bottom - 4, LOW.top]);
  layer.append(segment(BOX.left, level(0), BOX.right, level(0), { stroke: kit.colors.grey, "stroke-width": 0.8 }));
  found.shares.forEach((s, j) => {
    if (Math.abs(s) < most / 500) return;
    const color = s < 0 ? kit.colors.purple : kit.colors.vermilion;
    layer.append(segment(place(x[j]), level(0), place(x[j]), level(s), { stroke: color, "stroke-width": 2 }));
  });
  const words = { x: BOX.left - 8, "text-anchor": "end" };
  layer.append(kit.svg("text", { ...words, y: LOW.top + 10, text: "share +" }));
  layer.append(kit.svg("text", { ...words, y: LOW.bottom - 8, text: "share −" }));
}

export default {
  render({ model, el }) {
    const [x, y] = [model.get("x"), model.get("y")];
    const [start, ranges] = [model.get("start"), model.get("ranges")];
    const picture = kit.picture({ width: WIDTH, height: LOW.bottom + 42, label: "" });
    picture.style.touchAction = "pan-y";
    const layer = kit.svg("g", {});
    drawAxes(picture);
    picture.append(layer);
    const numbers = kit.numbers(["Mean (softmax)", "Line (LLA)", "Slope", "ρ", "δ/ω", "Least share"]);
    const status = kit.status();
    const slide = (name, label, step, format) => kit.slider({ label, min: ranges[name][0], max: ranges[name][1], step,
      value: start[name], onInput: draw, format });
    const query = slide("query", "Query: income", 0.02, (v) => v.toFixed(2));
    const width = slide("bandwidth", "Bandwidth h", 0.05, (v) => v.toFixed(2));
    const ridge = slide("ridge", "log₁₀ of the ridge λ", 0.25, (v) => kit.number(v));
    const preset = kit.choice({ label: "Go to", value: "local line", onChange: load,
      options: ["local line", "softmax", "one line for all", "own"] });

    function load(name) {
      const values = { "local line": [start.bandwidth, start.ridge], softmax: [start.bandwidth, 3],
        "one line for all": [3, -3] }[name];
      if (!values) return;
      width.set(values[0], { quiet: true });
      ridge.set(values[1], { quiet: true });
      show();
    }

    function draw() {
      preset.set("own", { quiet: true });
      show();
    }

    function show() {
      const [q, h, lambda] = [query.value, width.value, 10 ** ridge.value];
      const found = fit(x, y, q, h, lambda);
      kit.clear(layer);
      layer.append(segment(place(q), TOP.top, place(q), LOW.bottom, { stroke: kit.colors.grey, "stroke-width": 1, "stroke-dasharray": "3 3" }));
      drawData(layer, x, y, found);
      drawFits(layer, PLACES.map((one) => fit(x, y, one, h, lambda)), found, q, h);
      drawShares(layer, x, found);
      report(found, q);
    }

    function report(found, q) {
      const least = Math.min(...found.shares);
      numbers.set({ "Mean (softmax)": found.mean.toFixed(3), "Line (LLA)": found.line.toFixed(3), "Slope": found.slope.toFixed(3).replace("-", "−"),
        "ρ": found.rho.toFixed(3).replace("-", "−"), "δ/ω": (found.delta / found.omega).toFixed(3), "Least share": kit.number(least, 2) });
      const negative = found.shares.filter((s) => s < -1e-6).length;
      const words = `At income ${q.toFixed(2)} the mean reads ${found.mean.toFixed(3)}, the line ${found.line.toFixed(3)}; ` +
        `${kit.plural(negative, "household")} ${negative === 1 ? "counts" : "count"} negatively.`;
      status.say(words);
      picture.describe(`Scatter of food against income with a flat and a tilted fit. ${words}`);
    }

    /* A pointer on the picture takes the query along. */
    let dragging = false;
    function point(event) {
      if (event.type === "pointerdown") {
        dragging = true;
        picture.setPointerCapture(event.pointerId);
        event.preventDefault();
      }
      if (!dragging) return;
      const box = picture.getBoundingClientRect();
      const at = income(((event.clientX - box.left) * WIDTH) / box.width);
      query.set(kit.clamp(Math.round(at * 50) / 50, ...ranges.query));
    }
    picture.addEventListener("pointerdown", point);
    picture.addEventListener("pointermove", point);
    for (const end of ["pointerup", "pointercancel"]) picture.addEventListener(end, () => { dragging = false; });

    show();
    el.append(kit.controls(query, width, ridge), kit.controls(preset), picture, numbers.el, status.el);
  },
};

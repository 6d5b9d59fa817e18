/* Sixteen gates: step sizes that can be dragged, the scan that composes the maps, the states.
 * One state, A = −1, exact hold: h ← Āh + (1 − Ā)x with Ā = e^−Δ, the gated recurrence of Theorem 1. */

const WIDTH = 660;
const LEFT = 58;
const STEP = 37;
const MAX = 3; // largest step size
const BARS = { top: 14, bottom: 92 };
const LEAF = 112;
const TREE = { top: 138, bottom: 292 };
const PLOT = { top: 318, bottom: 418 };
const X_MAX = 3.4; // of inputs and states

const place = (t) => LEFT + (t + 0.5) * STEP;
const heightOf = kit.linear([0, MAX], [BARS.bottom, BARS.top]);
const level = kit.linear([-X_MAX, X_MAX], [PLOT.bottom, PLOT.top]);

/* ---- the model, as in paralg.core.primitives.AFFINE ---- */

const leaves = (deltas, input) => deltas.map((delta, t) => {
  const keep = Math.exp(-delta);
  return { a: keep, b: (1 - keep) * input[t] };
});
const compose = (first, then) => ({ a: then.a * first.a, b: then.a * first.b + then.b });

/* The maps that every place holds before the first round and after each. */
function rounds(maps, levels) {
  const held = [maps];
  for (const pairs of levels) {
    const before = held[held.length - 1];
    const after = before.slice();
    for (const [source, target] of pairs) after[target] = compose(before[source], before[target]);
    held.push(after);
  }
  return held;
}

function loop(deltas, input) {
  let h = 0;
  return leaves(deltas, input).map(({ a, b }) => { h = a * h + b; return h; });
}

/* ---- drawing ---- */

const text = (x, y, words, attrs = {}) => kit.svg("text", { x, y, text: words, ...attrs });
const fixed = (x) => x.toFixed(3).replace("-", "−");
const line = (x1, y1, x2, y2, attrs) => kit.svg("line", { x1, y1, x2, y2, ...attrs });

/* A disc filled as much as the map keeps of the past; area says what colour says. */
function disc(x, y, keep, radius) {
  return kit.svg("g", {},
    kit.svg("circle", { cx: x, cy: y, r: radius, fill: kit.colors.backgroundColor,
      stroke: kit.colors.blue, "stroke-width": 1.5 }),
    kit.svg("circle", { cx: x, cy: y, r: radius * Math.sqrt(keep), class: "pe-fill-blue" }));
}

function drawAxes(picture) {
  kit.axis(picture, { side: "left", at: LEFT - 2, from: BARS.bottom, to: BARS.top, scale: heightOf,
    values: [0, 1, 2, 3], label: "step Δ" });
  kit.axis(picture, { side: "left", at: LEFT - 2, from: PLOT.bottom, to: PLOT.top, scale: level,
    values: [-3, 0, 3], label: "x and h" });
  kit.axis(picture, { side: "bottom", at: PLOT.bottom, from: LEFT, to: LEFT + 16 * STEP, scale: (t) => place(t - 1),
    values: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16], label: "token" });
  picture.append(line(LEFT, level(0), LEFT + 16 * STEP, level(0), { stroke: kit.colors.grey, "stroke-width": 0.7 }));
}

function drawBars(layer, deltas, chosen) {
  deltas.forEach((delta, t) => {
    const x = place(t);
    if (t === chosen) {
      layer.append(kit.svg("rect", { x: x - STEP / 2 + 1, y: BARS.top - 8, width: STEP - 2, rx: 5,
        height: LEAF - BARS.top + 22, class: "pe-fill-sky", "fill-opacity": 0.22 }));
    }
    const y = heightOf(delta);
    layer.append(kit.svg("rect", { x: x - 9, y, width: 18, height: BARS.bottom - y, class: "pe-fill-vermilion" }));
    layer.append(kit.svg("rect", { x: x - 12, y: y - 3, width: 24, height: 6, rx: 3, class: "pe-fill-vermilion" }));
    layer.append(disc(x, LEAF, Math.exp(-delta), 9));
  });
  layer.append(text(LEFT - 8, LEAF + 4, "Ā", { "text-anchor": "end" }));
}

/* Row r of the tree; the leaves are row 0. */
const rowAt = (network, r) => (r === 0 ? LEAF : kit.linear([1, Math.max(2, network.levels.length)],
  [TREE.top + 10, TREE.bottom])(r));

function drawTree(layer, network, held, shown) {
  const size = network.levels.length > 8 ? 4.2 : 7.5;
  const foot = rowAt(network, shown);
  for (let t = 0; t < 16 && shown > 0; t += 1) {
    layer.append(line(place(t), LEAF + 10, place(t), foot, // a place keeps its map until it is combined
      { stroke: kit.colors.grey, "stroke-width": 0.8, "stroke-opacity": 0.45 }));
  }
  network.levels.slice(0, shown).forEach((pairs, r) => {
    const y = rowAt(network, r + 1);
    const above = rowAt(network, r);
    for (const [source, target] of pairs) {
      layer.append(line(place(source), above + (r === 0 ? 10 : size), place(target), y,
        { stroke: kit.colors.grey, "stroke-width": 1.4 }));
    }
  });
  network.levels.slice(0, shown).forEach((pairs, r) => {
    for (const [, target] of pairs) {
      layer.append(disc(place(target), rowAt(network, r + 1), held[r + 1][target].a, size));
    }
  });
}

function drawStates(layer, input, held, shown, complete) {
  const now = held[shown];
  input.forEach((x, t) => {
    layer.append(kit.svg("circle", { cx: place(t), cy: level(x), r: 4, fill: "none", stroke: kit.colors.grey, "stroke-width": 1.5 }));
    const done = complete[t] <= shown;
    const y = level(now[t].b);
    layer.append(line(place(t) - STEP / 2 + 2, y, place(t) + STEP / 2 - 2, y, {
      stroke: done ? kit.colors.vermilion : kit.colors.grey, "stroke-width": done ? 4 : 2,
      "stroke-dasharray": done ? null : "4 3" }));
  });
}

/* The round after which a place holds its whole prefix: as many leaves as its number. */
function completion(network) {
  let size = new Array(16).fill(1);
  const complete = size.map((_, t) => (t === 0 ? 0 : Infinity));
  network.levels.forEach((pairs, r) => {
    const after = size.slice();
    for (const [source, target] of pairs) after[target] = size[source] + size[target];
    size = after;
    size.forEach((n, t) => { if (n === t + 1) complete[t] = Math.min(complete[t], r + 1); });
  });
  return complete;
}

export default {
  render({ model, el }) {
    const input = model.get("input");
    const networks = new Map(model.get("networks").map((one) => [one.id, one]));
    const presets = model.get("presets");

    const picture = kit.picture({ width: WIDTH, height: PLOT.bottom + 42, label: "" });
    const layer = kit.svg("g", {});
    drawAxes(picture);
    picture.append(layer);
    const numbers = kit.numbers(["Depth", "Combines", "Ā of this token", "State h of this token", "h₁₆"]);
    const status = kit.status();

    const method = kit.choice({ label: "Scan", value: "brent-kung", onChange: change,
      options: [...networks.values()].map(({ id, label }) => ({ value: id, label })) });
    const gates = kit.bars({ model, name: "deltas", presets, picture, onChange: draw,
      columns: { left: LEFT, step: STEP, count: 16, foot: LEAF + 16 },
      heights: { at: [BARS.bottom, BARS.top], from: 0, to: MAX },
      token: { label: "Token", value: 3 },
      size: { label: "Step size Δ of this token", step: 0.05, format: (x) => x.toFixed(2) },
      presetLabel: "All step sizes" });
    const slot = kit.html("div");
    let round = null;

    function change() {
      const span = networks.get(method.value).span;
      round = kit.stepper({ label: "Rounds done", min: 0, max: span, value: span, onChange: draw,
        format: (r) => `${r} of ${span}` });
      kit.clear(slot).append(round.el);
      draw();
    }

    function draw() {
      const network = networks.get(method.value);
      const deltas = gates.values;
      const held = rounds(leaves(deltas, input), network.levels);
      const shown = round.value;
      const complete = completion(network);
      const chosen = gates.chosen;
      kit.clear(layer);
      drawBars(layer, deltas, chosen);
      drawTree(layer, network, held, shown);
      drawStates(layer, input, held, shown, complete);
      report(network, deltas, held, shown, complete, chosen);
    }

    function report(network, deltas, held, shown, complete, t) {
      const keep = Math.exp(-deltas[t]);
      const truth = loop(deltas, input);
      const done = complete[t] <= shown;
      const made = network.levels.slice(0, shown).reduce((sum, pairs) => sum + pairs.length, 0);
      const full = shown === network.span;
      numbers.set({ "Depth": full ? kit.plural(network.span, "round") : `${shown} of ${network.span}`,
        "Combines": full ? network.work : `${made} of ${network.work}`, "Ā of this token": keep.toFixed(3),
        "State h of this token": done ? fixed(truth[t]) : "not yet",
        "h₁₆": complete[15] <= shown ? fixed(truth[15]) : "not yet" });
      const gate = `Token ${t + 1}: Δ = ${deltas[t].toFixed(2)} keeps ${kit.percent(keep)} of the past and takes ` +
        `${kit.percent(1 - keep)} of x = ${kit.number(input[t])}.`;
      const ready = complete.filter((r) => r <= shown).length;
      const states = full ? `All 16 states after ${kit.plural(network.span, "round")} and ${network.work} combines.`
        : `${ready} of 16 states complete after ${kit.plural(shown, "round")}.`;
      status.say(`${gate} ${states}`);
      picture.describe(`${network.label} over sixteen gates. ${gate} ${states}`);
    }

    change();
    el.append(kit.controls(method, slot), kit.controls(...gates.controls), picture, numbers.el, status.el);
  },
};

/* Twelve tokens and one query: scores that can be dragged, the tree of summaries, the outputs.
 * All of it in 16-bit floating point; without the maximum e^s and its sums overflow at 65504. */

const N = 12;
const WIDTH = 660;
const LEFT = 74; // room for names of axes in the larger letters of a phone
const STEP = 48;
const LOW = -4; // range of scores
const HIGH = 12;
const BARS = { top: 14, bottom: 104 };
const LEAF = 126;
const TREE = { top: 160, bottom: 330 };
const PLOT = { top: 362, bottom: 442 };

const place = (t) => LEFT + (t + 0.5) * STEP;
const heightOf = kit.linear([LOW, HIGH], [BARS.bottom, BARS.top]);
const level = kit.linear([-1.1, 1.1], [PLOT.bottom, PLOT.top]);

/* ---- arithmetic: every result is rounded to eleven significant bits ---- */

function half(x) {
  if (!Number.isFinite(x) || x === 0) return x;
  const step = 2 ** (Math.max(-14, Math.floor(Math.log2(Math.abs(x)))) - 10);
  const units = x / step;
  let near = Math.round(units);
  if (Math.abs(units - Math.trunc(units)) === 0.5) near = 2 * Math.round(units / 2);
  const value = near * step;
  return Math.abs(value) > 65504 ? Math.sign(x) * Infinity : value;
}

const safe = {
  leaf: (s, v, r) => ({ m: r(s), u: 1, w: r(v) }),
  join(a, b, r) {
    const m = Math.max(a.m, b.m);
    const [x, y] = [r(Math.exp(a.m - m)), r(Math.exp(b.m - m))];
    return { m, u: r(r(a.u * x) + r(b.u * y)), w: r(r(a.w * x) + r(b.w * y)) };
  },
};
const unsafe = {
  leaf: (s, v, r) => ({ m: NaN, u: r(Math.exp(s)), w: r(r(Math.exp(s)) * v) }),
  join: (a, b, r) => ({ m: NaN, u: r(a.u + b.u), w: r(a.w + b.w) }),
};
const mean = (held) => held.w / held.u;

/* The summaries that every place holds before the first round and after each. */
function rounds(algebra, scores, values, levels, count, round = half) {
  const held = [Array.from({ length: count }, (_, t) => algebra.leaf(scores[t], values[t], round))];
  for (const pairs of levels) {
    const before = held[held.length - 1];
    const after = before.slice();
    for (const [source, target] of pairs) after[target] = algebra.join(before[source], before[target], round);
    held.push(after);
  }
  return held;
}

/* Outputs in double precision, token by token. */
function exact(scores, values, count) {
  let now = null;
  return Array.from({ length: count }, (_, t) => {
    const leaf = safe.leaf(scores[t], values[t], (x) => x);
    now = now ? safe.join(now, leaf, (x) => x) : leaf;
    return mean(now);
  });
}

/* ---- drawing ---- */

const text = (x, y, words, attrs = {}) => kit.svg("text", { x, y, text: words, ...attrs });
const fixed = (x, digits = 2) => (Number.isNaN(x) ? "NaN" : Number.isFinite(x)
  ? x.toFixed(digits).replace("-", "−") : x > 0 ? "∞" : "−∞");
const line = (x1, y1, x2, y2, attrs) => kit.svg("line", { x1, y1, x2, y2, ...attrs });

/* A disc filled by the size of a value: vermilion above 0, blue with a bar below, crossed when it is no number. */
function disc(x, y, value, radius, attrs = {}) {
  const lost = !Number.isFinite(value);
  const hue = value > 0 ? "vermilion" : "blue";
  const group = kit.svg("g", {},
    kit.svg("circle", { cx: x, cy: y, r: radius, fill: kit.colors.backgroundColor, stroke: kit.colors.grey,
      "stroke-width": 1.2, ...attrs }));
  if (lost) {
    const d = radius * 0.6;
    for (const k of [-1, 1]) group.append(line(x - d, y - k * d, x + d, y + k * d, { stroke: kit.colors.textColor, "stroke-width": 2 }));
  } else {
    group.append(kit.svg("circle", { cx: x, cy: y, r: radius * Math.sqrt(Math.min(1, Math.abs(value))), class: `pe-fill-${hue}` }));
    if (value < 0) group.append(line(x - radius, y, x + radius, y, { stroke: kit.colors.backgroundColor, "stroke-width": 2 }));
  }
  return group;
}

function drawAxes(picture) {
  kit.axis(picture, { side: "left", at: LEFT - 2, from: BARS.bottom, to: BARS.top, scale: heightOf,
    values: [0, 5, 10], label: "score s" });
  kit.axis(picture, { side: "left", at: LEFT - 2, from: PLOT.bottom, to: PLOT.top, scale: level,
    values: [-1, 0, 1], label: "v and o" });
  kit.axis(picture, { side: "bottom", at: PLOT.bottom, from: LEFT, to: LEFT + N * STEP, scale: (t) => place(t - 1),
    values: Array.from({ length: N }, (_, t) => t + 1), label: "token" });
  picture.append(line(LEFT, level(0), LEFT + N * STEP, level(0), { stroke: kit.colors.grey, "stroke-width": 0.7 }));
  picture.append(text(LEFT - 8, LEAF + 4, "v", { "text-anchor": "end" }));
}

function drawBars(layer, scores, values, chosen, count) {
  const foot = heightOf(0);
  scores.forEach((score, t) => {
    const x = place(t);
    const faint = t < count ? 1 : 0.3;
    if (t === chosen) {
      layer.append(kit.svg("rect", { x: x - STEP / 2 + 1, y: BARS.top - 8, width: STEP - 2, rx: 5,
        height: LEAF - BARS.top + 22, class: "pe-fill-sky", "fill-opacity": 0.22 }));
    }
    const y = heightOf(score);
    layer.append(kit.svg("rect", { x: x - 11, y: Math.min(y, foot), width: 22, height: Math.abs(foot - y),
      class: "pe-fill-vermilion", "fill-opacity": faint }));
    layer.append(kit.svg("rect", { x: x - 14, y: y - 3, width: 28, height: 6, rx: 3, class: "pe-fill-vermilion",
      "fill-opacity": faint }));
    const leaf = disc(x, LEAF, values[t], 9);
    leaf.setAttribute("opacity", faint);
    layer.append(leaf);
  });
}

/* Row r of the tree; the leaves are row 0. */
const rowAt = (network, r) => (r === 0 ? LEAF : kit.linear([1, Math.max(2, network.levels.length)],
  [TREE.top, TREE.bottom])(r));

function drawTree(layer, network, held, count) {
  const size = network.levels.length > 8 ? 5.5 : 9;
  const depth = network.levels.length;
  for (let t = 0; t < count && depth > 0; t += 1) {
    layer.append(line(place(t), LEAF + 10, place(t), rowAt(network, depth),
      { stroke: kit.colors.grey, "stroke-width": 0.8, "stroke-opacity": 0.45 }));
  }
  network.levels.forEach((pairs, r) => {
    for (const [source, target] of pairs) {
      layer.append(line(place(source), rowAt(network, r), place(target), rowAt(network, r + 1),
        { stroke: kit.colors.grey, "stroke-width": 1.2 }));
    }
  });
  network.levels.forEach((pairs, r) => {
    for (const [, target] of pairs) layer.append(disc(place(target), rowAt(network, r + 1), mean(held[r + 1][target]), size));
  });
}

function drawOutputs(layer, values, last, count, chosen) {
  values.forEach((v, t) => {
    layer.append(kit.svg("circle", { cx: place(t), cy: level(v), r: 4, fill: "none", stroke: kit.colors.grey,
      "stroke-width": 1.5, "stroke-opacity": t < count ? 1 : 0.4 }));
    if (t >= count) return;
    const o = mean(last[t]);
    if (Number.isFinite(o)) {
      layer.append(line(place(t) - STEP / 2 + 2, level(o), place(t) + STEP / 2 - 2, level(o),
        { stroke: kit.colors.vermilion, "stroke-width": t === chosen ? 5 : 3 }));
    } else {
      layer.append(text(place(t), PLOT.top - 6, "NaN", { "text-anchor": "middle", fill: kit.colors.text.vermilion }));
    }
  });
}

export default {
  render({ model, el }) {
    const values = model.get("values");
    const networks = model.get("networks");
    const labels = model.get("labels");
    const presets = model.get("presets");

    const picture = kit.picture({ width: WIDTH, height: PLOT.bottom + 42, label: "" });
    const layer = kit.svg("g", {});
    drawAxes(picture);
    picture.append(layer);
    const numbers = kit.numbers(["Unions", "Rounds", "m", "u", "w", "Output w / u", "Exact output"]);
    const status = kit.status();

    const method = kit.choice({ label: "Scan", value: "brent-kung", onChange: draw,
      options: Object.entries(labels).map(([value, label]) => ({ value, label })) });
    const arrived = kit.slider({ label: "Tokens arrived", min: 1, max: N, value: N, onInput: draw });
    const carry = kit.toggle({ label: "Carry the maximum", value: true, onChange: draw });
    const tokens = kit.bars({ model, name: "scores", presets, picture, onChange: draw,
      columns: { left: LEFT, step: STEP, count: N, foot: LEAF + 16 },
      heights: { at: [BARS.bottom, BARS.top], from: LOW, to: HIGH },
      token: { label: "Token", value: 7 },
      size: { label: "Score of this token", step: 0.5, format: (x) => fixed(x, 1) },
      presetLabel: "All scores" });

    function draw() {
      const count = arrived.value;
      const scores = tokens.values;
      const network = networks[method.value][count - 1];
      const held = rounds(carry.value ? safe : unsafe, scores, values, network.levels, count);
      const last = held[held.length - 1];
      const chosen = tokens.chosen;
      kit.clear(layer);
      drawBars(layer, scores, values, chosen, count);
      drawTree(layer, network, held, count);
      drawOutputs(layer, values, last, count, chosen);
      report(network, scores, last, count, chosen);
    }

    function report(network, scores, last, count, t) {
      const truth = exact(scores, values, count);
      const lost = last.filter((one) => !Number.isFinite(mean(one))).length;
      const here = t < count ? last[t] : null;
      numbers.set({ "Unions": network.work, "Rounds": network.span,
        "m": here ? (carry.value ? fixed(here.m, 1) : "none") : "not yet",
        "u": here ? kit.number(here.u, 4) : "not yet", "w": here ? kit.number(here.w, 4) : "not yet",
        "Output w / u": here ? fixed(mean(here), 3) : "not yet",
        "Exact output": here ? fixed(truth[t], 3) : "not yet" });
      const cost = `${kit.plural(count, "token")}, ${kit.plural(network.work, "union")} in ${kit.plural(network.span, "round")}.`;
      const name = `Token ${t + 1}: score ${fixed(scores[t], 1)}, value ${fixed(values[t], 1)}.`;
      const worst = Math.max(...last.map((one, k) => Math.abs(mean(one) - truth[k])));
      const health = lost ? `${kit.plural(lost, "output")} lost: a sum of exponentials passed 65504.`
        : `All outputs within ${kit.number(Math.max(worst, 0), 2)} of the exact ones.`;
      status.say(`${name} ${cost} ${health}`);
      picture.describe(`${labels[method.value]} over summaries of twelve scored tokens. ${name} ${cost} ${health}`);
    }

    draw();
    el.append(kit.controls(method, arrived, carry), kit.controls(...tokens.controls), picture, numbers.el, status.el);
  },
};

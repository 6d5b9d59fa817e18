/* One masked position over eight rounds: logits that can be dragged, credit, confidences, who commits when. */

const ROUNDS = 8;
const TOKENS = 3;
const NAMES = "ABC";
const WIDTH = 660;
const LEFT = 74; // room for names of axes in the larger letters of a phone
const STEP = 24; // one bar; three bars a round
const RIGHT = LEFT + ROUNDS * TOKENS * STEP;
const LOW = -2;
const HIGH = 4;
const BARS = { top: 14, bottom: 116 };
const CREDIT = { top: 146, bottom: 226 };
const PLOT = { top: 262, bottom: 402 };
const HUES = ["vermilion", "blue", "grey"];

const place = (k) => LEFT + (k + 0.5) * STEP;
const middle = (t) => LEFT + (t + 0.5) * TOKENS * STEP;
const heightOf = kit.linear([LOW, HIGH], [BARS.bottom, BARS.top]);
const level = kit.linear([0.2, 1], [PLOT.bottom, PLOT.top]);
const fixed = (x, digits = 2) => x.toFixed(digits).replace("-", "−");

/* ---- the method, as in paralg.decoding.credit_decoding ---- */

function softmax(logits) {
  const top = Math.max(...logits);
  const weights = logits.map((x) => Math.exp(x - top));
  const total = weights.reduce((a, b) => a + b);
  return weights.map((w) => w / total);
}

const best = (p) => p.indexOf(Math.max(...p));

function run(values, { alpha, beta, gamma }) {
  let C = new Array(TOKENS).fill(0);
  return Array.from({ length: ROUNDS }, (_, t) => {
    const logits = values.slice(t * TOKENS, (t + 1) * TOKENS);
    const raw = softmax(logits);
    C = C.map((c, v) => beta * c + (v === best(raw) ? raw[v] ** gamma : 0));
    return { raw, C, fused: softmax(logits.map((x, v) => x + alpha * Math.log1p(C[v]))) };
  });
}

/* The raw confidence that is committed at the first look. */
function firstLook(tau, { alpha, gamma }) {
  let [low, high] = [0, 1];
  for (let k = 0; k < 60; k += 1) {
    const p = (low + high) / 2;
    const X = (1 + p ** gamma) ** alpha;
    if ((p * X) / (1 - p + p * X) >= tau) high = p;
    else low = p;
  }
  return high;
}

function commit(rounds, which, tau) {
  const t = rounds.findIndex((one) => Math.max(...one[which]) >= tau);
  return t < 0 ? null : { t, token: best(rounds[t][which]) };
}

const told = (one) => (one ? `${NAMES[one.token]} in round ${one.t + 1}` : "never");

/* ---- drawing ---- */

const line = (x1, y1, x2, y2, attrs) => kit.svg("line", { x1, y1, x2, y2, ...attrs });
const text = (x, y, words, attrs = {}) => kit.svg("text", { x, y, text: words, ...attrs });

function bar(x, from, to, hue, attrs = {}) {
  return kit.svg("rect", { x: x - 8, y: Math.min(from, to), width: 16, height: Math.abs(from - to),
    class: `pe-fill-${hue}`, ...attrs });
}

function axes(picture) {
  kit.axis(picture, { side: "left", at: LEFT - 2, from: BARS.bottom, to: BARS.top, scale: heightOf,
    values: [-2, 0, 2, 4], label: "logit" });
  kit.axis(picture, { side: "left", at: LEFT - 2, from: PLOT.bottom, to: PLOT.top, scale: level,
    values: [0.2, 0.6, 1], label: "confidence" });
  kit.axis(picture, { side: "bottom", at: PLOT.bottom, from: LEFT, to: RIGHT, scale: (t) => middle(t - 1),
    values: Array.from({ length: ROUNDS }, (_, t) => t + 1), label: "round" });
}

function logitBars(layer, values, chosen) {
  const foot = heightOf(0);
  layer.append(line(LEFT, foot, RIGHT, foot, { stroke: kit.colors.grey, "stroke-width": 0.7 }));
  values.forEach((value, k) => {
    if (k === chosen) {
      layer.append(kit.svg("rect", { x: place(k) - STEP / 2, y: BARS.top - 8, width: STEP, rx: 4,
        height: BARS.bottom - BARS.top + 24, class: "pe-fill-sky", "fill-opacity": 0.25 }));
    }
    const y = heightOf(value);
    layer.append(bar(place(k), foot, y, HUES[k % TOKENS], { "fill-opacity": 0.75 }));
    layer.append(bar(place(k), y - 2.5, y + 2.5, HUES[k % TOKENS]));
    layer.append(text(place(k), BARS.bottom + 13, NAMES[k % TOKENS], { "text-anchor": "middle", class: "pe-axis" }));
  });
  for (let t = 1; t < ROUNDS; t += 1) {
    const x = LEFT + t * TOKENS * STEP;
    layer.append(line(x, BARS.top - 8, x, PLOT.bottom, { stroke: kit.colors.grey, "stroke-width": 0.5,
      "stroke-opacity": 0.5 }));
  }
}

function creditBars(layer, rounds, beta) {
  const bound = 1 / (1 - beta);
  const scale = kit.linear([0, bound], [CREDIT.bottom, CREDIT.top]);
  kit.axis(layer, { side: "left", at: LEFT - 2, from: CREDIT.bottom, to: CREDIT.top, scale, values: [0, bound],
    label: "credit", format: (x) => kit.number(x, 2) });
  layer.append(line(LEFT, CREDIT.top, RIGHT, CREDIT.top, { stroke: kit.colors.green, "stroke-dasharray": "7 3 2 3" }));
  rounds.forEach(({ C }, t) => C.forEach((c, v) => {
    layer.append(bar(place(t * TOKENS + v), CREDIT.bottom, scale(c), HUES[v], { "data-credit": c.toFixed(6) }));
  }));
}

function confidences(layer, rounds, taus) {
  for (const [name, tau] of Object.entries(taus)) {
    layer.append(line(LEFT, level(tau), RIGHT, level(tau), { stroke: kit.colors.green, "stroke-width": 1.3,
      "stroke-dasharray": name === "τ" ? null : "7 3 2 3" }));
    layer.append(text(RIGHT + 4, level(tau) + (name === "τ" ? 0 : 9), name));
  }
  for (const [which, hue, dash] of [["raw", "blue", "5 4"], ["fused", "vermilion", null]]) {
    const points = rounds.map((one, t) => [middle(t), level(Math.max(...one[which])), best(one[which])]);
    layer.append(kit.svg("polyline", { points: points.map(([x, y]) => `${x},${y}`).join(" "), fill: "none",
      class: `pe-line-${hue}`, "stroke-width": 2, "stroke-dasharray": dash }));
    for (const [x, y, token] of points) {
      layer.append(text(x + (which === "raw" ? 7 : -16), y + (which === "raw" ? 14 : -5), NAMES[token],
        { fill: kit.colors.text[hue] }));
      layer.append(kit.svg("circle", { cx: x, cy: y, r: 3.5, class: `pe-fill-${hue}` }));
    }
  }
}

/* Rings around the commits: blue plain, vermilion credit, green plain at the lower threshold. */
function rings(layer, rounds, commits) {
  const looks = { plain: ["raw", "blue", 8], lower: ["raw", "green", 11.5], credit: ["fused", "vermilion", 8] };
  for (const [name, [which, hue, r]] of Object.entries(looks)) {
    const one = commits[name];
    if (!one) continue;
    layer.append(kit.svg("circle", { cx: middle(one.t), cy: level(Math.max(...rounds[one.t][which])), r, fill: "none",
      stroke: kit.colors[hue], "stroke-width": 2.5 }));
  }
}

export default {
  render({ model, el }) {
    const picture = kit.picture({ width: WIDTH, height: PLOT.bottom + 42, label: "" });
    const layer = kit.svg("g", {});
    axes(picture);
    picture.append(layer);
    const numbers = kit.numbers(["Plain τ commits", "Credit commits", "Plain τ₁ commits", "τ₁", "Floor"]);
    const status = kit.status();
    const slide = (label, name, min, max, step) => kit.slider({ label, min, max, step, value: model.get(name),
      onInput: draw, format: (x) => fixed(x) });
    const alpha = slide("Weight α", "alpha", 0, 2, 0.05);
    const beta = slide("Decay β", "beta", 0, 0.95, 0.05);
    const gamma = slide("Exponent γ", "gamma", 0.05, 1, 0.05);
    const tau = slide("Threshold τ", "tau", 0.5, 0.98, 0.01);
    const logits = kit.bars({ model, name: "logits", presets: model.get("presets"), picture, onChange: draw,
      columns: { left: LEFT, step: STEP, count: ROUNDS * TOKENS, foot: BARS.bottom + 16 },
      heights: { at: [BARS.bottom, BARS.top], from: LOW, to: HIGH },
      token: { label: "Bar", value: 1, format: (k) => `${NAMES[(k - 1) % TOKENS]}, round ${Math.ceil(k / TOKENS)}` },
      size: { label: "Logit of this bar", step: 0.1, format: (x) => fixed(x, 1) }, presetLabel: "All logits" });

    function draw() {
      const constants = { alpha: alpha.value, beta: beta.value, gamma: gamma.value };
      const rounds = run(logits.values, constants);
      const lower = firstLook(tau.value, constants);
      const commits = { plain: commit(rounds, "raw", tau.value), credit: commit(rounds, "fused", tau.value),
        lower: commit(rounds, "raw", lower) };
      kit.clear(layer);
      logitBars(layer, logits.values, logits.chosen);
      creditBars(layer, rounds, constants.beta);
      confidences(layer, rounds, { "τ": tau.value, "τ₁": lower });
      rings(layer, rounds, commits);
      const X = (1 + 1 / (1 - constants.beta)) ** constants.alpha;
      numbers.set({ "Plain τ commits": told(commits.plain), "Credit commits": told(commits.credit),
        "Plain τ₁ commits": told(commits.lower), "τ₁": fixed(lower, 3),
        "Floor": fixed(tau.value / (tau.value + X * (1 - tau.value)), 3) });
      const words = sentence(commits, rounds);
      status.say(words);
      picture.describe(`Logits, credit and confidence of three tokens over eight rounds. ${words}`);
    }

    function sentence({ plain, credit, lower }, rounds) {
      const end = best(rounds[ROUNDS - 1].raw);
      const verdict = (one) => (one && one.token !== end ? ", which the last round does not favour" : "");
      const first = `Credit commits ${told(credit)}${verdict(credit)}; plain τ ${told(plain)}${verdict(plain)}.`;
      const equal = credit && lower && credit.t === lower.t && credit.token === lower.token;
      return `${first} ${equal ? "A plain threshold at τ₁ does the same as credit."
        : `A plain threshold at τ₁ commits ${told(lower)}.`}`;
    }

    draw();
    el.append(kit.controls(alpha, beta, gamma, tau), kit.controls(...logits.controls), picture, numbers.el, status.el);
  },
};
